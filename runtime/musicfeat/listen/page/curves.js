/**
 * Pictures of a recording on canvases that share one time axis, stateless: draw again after a change of
 * size or colours. Custom properties of the canvas set its colours and margins, see track.css.
 *
 * Places are always [{start, end}] in seconds: a stretch, or a moment where both are the same.
 */
import { clock } from "./dom.js";

const TOP = 10;
const BOTTOM = 24;
const TICK_PIXELS = 56;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400];
const HEAT = [[12, 7, 46], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];
/** Range of the spectrogram's bands in Hz, and the marks of its axis. */
export const RANGE = [30, 7200];
const HERTZ = [500, 1000, 2000, 4000];
const UNDECIDED = 0.5;
const [NAME_LINES, NAME_PIXELS] = [3, 15];

/** @param {{peaks: Int8Array, duration: number, places: object[]}} picture least and greatest sample alternate */
export function drawWaveform(canvas, { peaks, duration, places = [] }) {
  const plot = frame(canvas, duration);
  const { context, colours } = plot;
  const middle = plot.y + plot.height / 2;
  shade(plot, places);
  context.fillStyle = colours.wave;
  const columns = peaks.length / 2;
  for (let x = 0; x < plot.width; x++) {
    const first = Math.floor((x * columns) / plot.width);
    const stop = Math.max(first + 1, Math.floor(((x + 1) * columns) / plot.width));
    const part = peaks.subarray(2 * first, 2 * stop);
    const [low, high] = part.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [0, 0]);
    const top = middle - (high / 128) * (plot.height / 2);
    context.fillRect(plot.x + x, top, 1, Math.max(1, ((high - low) / 128) * (plot.height / 2)));
  }
  flag(plot, places);
}

/** @param {{spectrogram: Uint8Array, frames: number, bands: number, duration: number}} picture [frames, bands] */
export function drawSpectrogram(canvas, { spectrogram, frames, bands, duration }) {
  const plot = frame(canvas, duration);
  if (frames) heatMap(plot, spectrogram, frames, bands);
  const [low, high] = RANGE.map(mel);
  for (const hertz of HERTZ) {
    const place = (mel(hertz) - low) / (high - low);
    leftLabel(plot, plot.y + plot.height * (1 - place), hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`);
  }
}

/**
 * @param {{curves: object[], duration: number, places: object[]}} judgement each curve is {times, values, colour,
 *   dashes}: values from 0 to 1 at `times`, with a gap where one is null or exactly one half; places with a `label`
 *   are named
 */
export function drawCurves(canvas, { curves, duration, places = [] }) {
  const plot = frame(canvas, duration);
  const { context, colours } = plot;
  const height = (value) => plot.y + plot.height * (1 - value);
  shade(plot, places);
  for (const value of [0, 0.5, 1]) {
    context.fillStyle = colours.grid;
    context.fillRect(plot.x, height(value) - 0.5, plot.width, 1);
    leftLabel(plot, height(value), `${100 * value} %`);
  }
  for (const { times, values, colour, dashes } of curves) {
    const points = values.map((value, i) => (isDecided(value) ? [plot.at(times[i]), height(value)] : null));
    polyline(context, points, colours[colour], dashes);
    const lonely = (point, i) => points.length * 12 < plot.width || (!points[i - 1] && !points[i + 1]);
    points.filter((point, i) => point && lonely(point, i)).forEach((point) => dot(context, point, colours[colour]));
  }
  flag(plot, places);
  label(plot, places);
}

/** @param {{edges: number[], rows: {label: string, values: number[]}[], duration: number}} tags from edge to edge */
export function drawTags(canvas, { edges, rows, duration }) {
  const plot = frame(canvas, duration);
  const { context, colours } = plot;
  context.fillStyle = colours.accent;
  rows.forEach(({ label, values }, i) => {
    const [top, bottom] = [i, i + 1].map((place) => Math.round(plot.y + (plot.height * place) / rows.length));
    values.forEach((value, j) => {
      const [left, right] = [plot.at(edges[j]), plot.at(edges[j + 1])].map(Math.round);
      context.globalAlpha = Math.min(1, Math.max(0, value ?? 0));
      context.fillRect(left, top + 1, Math.max(1, right - left), bottom - top - 2);
    });
    context.globalAlpha = 1;
    leftLabel(plot, (top + bottom) / 2, label);
    context.fillStyle = colours.accent;
  });
}

/** Whether a value was decided; undecided windows have exactly one half, unknown ones null. */
export function isDecided(probability) {
  return Number.isFinite(probability) && probability !== UNDECIDED;
}

/** Clears a canvas, sharp at the screen's density, and draws the time axis. */
function frame(canvas, duration) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const density = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * density), Math.round(height * density)];
  const context = canvas.getContext("2d");
  context.scale(density, density);
  const style = getComputedStyle(canvas);
  const names = ["panel", "grid", "muted", "accent", "wave", "backwards", "disordered", "suspect"];
  const colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  const [left, right] = ["--gutter", "--margin"].map((name) => parseFloat(style.getPropertyValue(name)));
  const plot = { context, colours, x: left, y: TOP, width: width - left - right, height: height - TOP - BOTTOM };
  plot.at = (time) => plot.x + (plot.width * Math.min(time, duration)) / duration;
  context.font = `12px ${style.fontFamily}`;
  context.fillStyle = colours.panel;
  context.fillRect(plot.x, plot.y, plot.width, plot.height);
  if (duration > 0) timeAxis(plot, duration);
  return plot;
}

function timeAxis(plot, duration) {
  const { context, colours } = plot;
  const step = TICKS.find((tick) => (plot.width * tick) / duration >= TICK_PIXELS) ?? duration;
  context.fillStyle = colours.muted;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (let i = 0; i * step <= duration * (1 + 1e-9); i++) {
    context.fillRect(plot.at(i * step) - 0.5, plot.y + plot.height, 1, 4);
    context.fillText(clock(i * step, step < 1 ? 1 : 0), plot.at(i * step), plot.y + plot.height + 18);
  }
}

function leftLabel({ context, colours, x }, y, text) {
  context.fillStyle = colours.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(text, x - 8, y, x - 8);
}

/** Bands for stretches, drawn behind the data. */
function shade({ context, colours, at, y, height }, places) {
  context.fillStyle = colours.suspect;
  for (const { start, end } of places.filter(isStretch)) {
    context.globalAlpha = 0.18;
    context.fillRect(at(start), y, Math.max(2, at(end) - at(start)), height);
  }
  context.globalAlpha = 1;
}

/** A bar above each stretch, and a flag and a line at each moment, drawn over the data. */
function flag({ context, colours, at, y, height }, places) {
  context.fillStyle = colours.suspect;
  for (const place of places) {
    const x = at(place.start);
    if (isStretch(place)) {
      context.fillRect(x, y - 4, Math.max(2, at(place.end) - x), 4);
      continue;
    }
    context.fillRect(x - 1, y, 2, height);
    context.beginPath();
    context.moveTo(x - 6, y - 9);
    context.lineTo(x + 6, y - 9);
    context.lineTo(x, y);
    context.fill();
  }
}

/** Names beside flags and bars, each on the first line where it has room; those without room are in the list. */
function label({ context, colours, at, x, y, width }, places) {
  const ends = Array(NAME_LINES).fill(x);
  [context.fillStyle, context.textAlign, context.textBaseline] = [colours.suspect, "left", "top"];
  for (const { start, label: name } of places.filter(({ label: name }) => name)) {
    const [left, size] = [at(start) + 5, context.measureText(name).width];
    const line = ends.findIndex((end) => end <= left);
    if (line < 0 || left + size > x + width) continue;
    context.fillText(name, left, y + 4 + NAME_PIXELS * line);
    ends[line] = left + size + 8;
  }
}

function isStretch({ start, end }) {
  return end > start;
}

function heatMap({ context, x, y, width, height }, levels, columns, rows) {
  const image = new ImageData(columns, rows);
  const palette = Array.from({ length: 256 }, (_, level) => [...heat(level / 255), 255]);
  for (let column = 0; column < columns; column++) {
    for (let band = 0; band < rows; band++) {
      image.data.set(palette[levels[column * rows + band]], 4 * ((rows - 1 - band) * columns + column));
    }
  }
  const picture = new OffscreenCanvas(columns, rows);
  picture.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(picture, x, y, width, height);
}

/** A value from 0 to 1 as red, green and blue. */
function heat(value) {
  const place = value * (HEAT.length - 1);
  const lower = Math.min(Math.floor(place), HEAT.length - 2);
  return HEAT[lower].map((colour, i) => Math.round(colour + (HEAT[lower + 1][i] - colour) * (place - lower)));
}

/** Slaney's mel scale, as in the model's spectrogram. */
export function mel(hertz) {
  return hertz < 1000 ? (hertz * 3) / 200 : 15 + (27 * Math.log(hertz / 1000)) / Math.log(6.4);
}

function polyline(context, points, colour, dashes) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.setLineDash(dashes);
  context.beginPath();
  points.forEach((point, i) => point && (points[i - 1] ? context.lineTo(...point) : context.moveTo(...point)));
  context.stroke();
  context.setLineDash([]);
}

function dot(context, [x, y], colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, 3, 0, 2 * Math.PI);
  context.fill();
}
