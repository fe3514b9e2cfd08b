/** Findings drawn on canvases that share one time axis. */
const RIGHT = 18;
const TOP = 8;
const BOTTOM = 24;
const TICK_PIXELS = 64;
const TICKS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
const HEAT = [[12, 7, 46], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];

/** @param {object} picture from `spectrogram`, or null for an empty frame */
export function drawSpectrogram(canvas, picture, duration) {
  const plot = frame(canvas, duration);
  if (!picture) return;
  const { columns, rows, levels, marks } = picture;
  heatMap(plot, columns, rows, levels);
  for (const { hertz, place } of marks) {
    leftLabel(plot, plot.y + plot.height * (1 - place), hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`);
  }
}

/**
 * @param {{values: number[], colour: string, dashes: number[]}[]} curves from 0 to 1 at `times` seconds
 * @param {Function} known whether a value is known; a curve is broken where it is not
 */
export function drawCurves(canvas, times, curves, duration, known) {
  const plot = frame(canvas, duration);
  const { context, colours } = plot;
  const height = (value) => plot.y + plot.height * (1 - value);
  for (const value of [0, 0.5, 1]) {
    context.fillStyle = colours.grid;
    context.fillRect(plot.x, height(value) - 0.5, plot.width, 1);
    leftLabel(plot, height(value), value.toFixed(1));
  }
  for (const { values, colour, dashes } of curves) {
    const points = values.map((value, i) => known(value) && [plot.at(times[i]), height(value)]);
    polyline(context, points, colours[colour], dashes);
    if (points.length * 8 < plot.width) points.filter(Boolean).forEach((point) => dot(context, point, colours[colour]));
  }
}

/** @param {{label: string, values: number[]}[]} rows from 0 to 1, each value from one of `edges` seconds to the next */
export function drawStrips(canvas, edges, rows, duration) {
  const plot = frame(canvas, duration);
  rows.forEach(({ label, values }, i) => {
    const [top, bottom] = [i, i + 1].map((place) => Math.round(plot.y + (plot.height * place) / rows.length));
    values.forEach((value, j) => {
      const [left, right] = [plot.at(edges[j]), plot.at(edges[j + 1])];
      plot.context.fillStyle = `rgb(${heat(value).join(" ")})`;
      plot.context.fillRect(left, top, right - left + 0.5, bottom - top - 1);
    });
    leftLabel(plot, (top + bottom) / 2, label);
  });
}

/** Clears a canvas, sharp at the screen's density, and draws the time axis. */
function frame(canvas, duration) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const density = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * density), Math.round(height * density)];
  const context = canvas.getContext("2d");
  context.scale(density, density);
  const style = getComputedStyle(canvas);
  const names = ["panel", "grid", "muted", "backwards", "disordered"];
  const colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`)]));
  const left = parseFloat(style.getPropertyValue("--gutter"));
  const plot = { context, colours, x: left, y: TOP, width: width - left - RIGHT, height: height - TOP - BOTTOM };
  plot.at = (time) => plot.x + (plot.width * time) / duration;
  context.font = `12px ${style.fontFamily}`;
  context.fillStyle = colours.panel;
  context.fillRect(plot.x, plot.y, plot.width, plot.height);
  if (duration) timeAxis(plot, duration);
  return plot;
}

function timeAxis(plot, duration) {
  const { context, colours } = plot;
  const step = TICKS.find((seconds) => (plot.width * seconds) / duration >= TICK_PIXELS) ?? duration;
  context.fillStyle = colours.muted;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (let i = 0; i * step <= duration * (1 + 1e-9); i++) {
    context.fillRect(plot.at(i * step) - 0.5, plot.y + plot.height, 1, 4);
    context.fillText(clock(i * step, step), plot.at(i * step), plot.y + plot.height + 18);
  }
}

/** Minutes and seconds; for steps below a second, seconds alone. */
export function clock(time, step = 1) {
  if (step < 1) return `${time.toFixed(step < 0.1 ? 2 : 1)} s`;
  const seconds = Math.round(time);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function leftLabel({ context, colours, x }, y, text) {
  context.fillStyle = colours.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(text, x - 8, y, x - 8);
}

function heatMap({ context, x, y, width, height }, columns, rows, levels) {
  const image = new ImageData(columns, rows);
  const palette = Array.from({ length: 256 }, (_, level) => [...heat(level / 255), 255]);
  levels.forEach((level, i) => image.data.set(palette[level], 4 * i));
  const picture = new OffscreenCanvas(columns, rows);
  picture.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(picture, x, y, width, height);
}

/** A value from 0 to 1 as red, green and blue. */
function heat(value) {
  const place = Math.min(Math.max(value, 0), 1) * (HEAT.length - 1);
  const lower = Math.min(Math.floor(place), HEAT.length - 2);
  return HEAT[lower].map((colour, i) => Math.round(colour + (HEAT[lower + 1][i] - colour) * (place - lower)));
}

function polyline(context, points, colour, dashes) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
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
