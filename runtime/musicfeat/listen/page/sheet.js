/** The sheet of a recording, for every view: facts, pictures over one time axis, suspicious places, a table. */
import { drawCurves, drawSpectrogram, drawTags, drawWaveform } from "./curves.js";
import { clock, h } from "./dom.js";
import { alternatives, COLUMNS, edges, facts, middles, rows, strongest, told } from "./findings.js";

const AROUND = 3; // seconds played before and after a cut
const CURVES = [
  { name: "plays backwards", key: "reversal", colour: "backwards", dashes: [] },
  { name: "pieces out of order", key: "jigsaw", colour: "disordered", dashes: [6, 4] },
];
const EDITED = [
  { name: "a cut here", key: "cut", colour: "accent", dashes: [] },
  { name: "plays backwards", key: "backwards", colour: "backwards", dashes: [] },
];
/** Curves that are still to come, see `setEdited`. */
export const UNKNOWN = Object.fromEntries(EDITED.map(({ key }) => [key, { times: [], values: [] }]));

/**
 * @param {object} data from /api/tracks/ID
 * @param {{player: object, clip: {id: number|null, name: string, url: string}|null}} sound null if it cannot be played
 * @returns {{element: Element, setPicture: Function, setEdited: Function, close: Function}}
 */
export function sheet(data, { player, clip }) {
  let picture = { duration: data.duration, peaks: new Int8Array(), spectrogram: new Uint8Array(), frames: 0, bands: 0 };
  const best = strongest(data);
  const places = data.suspicious;
  const words = alternatives(data);
  const times = middles(data);
  const curves = CURVES.map(({ key, ...look }) => ({ ...look, times, values: data[key] }));
  const judged = { curves, duration: data.duration, places };
  const named = places.map((found) => ({ ...found, label: told(found).what }));
  const edited = EDITED.filter(({ key }) => data.edited?.[key]).map((look) => ({ ...look, ...data.edited[look.key] }));
  const tags = { edges: edges(data), rows: best, duration: data.duration };
  const lanes = [
    lane("waveform", "Waveform", words.waveform, (canvas) => drawWaveform(canvas, { ...picture, places })),
    lane("spectrogram", "Spectrogram", words.spectrogram, (canvas) => drawSpectrogram(canvas, picture)),
    lane("curves", "Findings of the model", words.curves, (canvas) => drawCurves(canvas, judged), ...curves.map(key)),
  ];
  if (edited.length) {
    const draw = (canvas) => drawCurves(canvas, { curves: edited, duration: data.duration, places: named });
    lanes.splice(1, 0, lane("edited", "Edits, moment by moment", words.edited, draw, ...edited.map(key)));
  }
  if (best.length) lanes.push(lane("tags", "Instruments, as hints", words.tags, (canvas) => drawTags(canvas, tags)));
  const steering = clip ? transport(player, clip, data.duration, lanes) : null;
  const pictures = h("div", { className: "lanes" }, ...lanes.map(({ figure }) => figure));
  if (steering) lanes[0].figure.append(steering.element);
  const parts = [factList(data), pictures, placeList(data, player, clip), table(data)];
  const element = h("div", { className: "recording" }, ...parts);
  const redraw = () => lanes.forEach(({ canvas, draw }) => canvas.clientWidth && draw(canvas));
  const stop = whenLookChanges(pictures, redraw);
  return {
    element,
    /** @param {object} answer from /api/tracks/ID/picture */
    setPicture({ duration, frames, bands, spectrogram, peaks }) {
      picture = { duration, frames, bands, spectrogram: bytes(spectrogram), peaks: new Int8Array(bytes(peaks).buffer) };
      redraw();
    },
    /** @param {object} found `edited` of /api/tracks/ID/edits */
    setEdited(found) {
      edited.forEach((curve) => Object.assign(curve, found[curve.key]));
      const shown = lanes.find(({ name }) => name === "edited");
      if (shown) shown.canvas.ariaLabel = alternatives({ ...data, edited: found }).edited;
      redraw();
    },
    close() {
      stop();
      steering?.close();
    },
  };
}

/** The base64 text of bytes. */
export function text(values) {
  return btoa(Array.from(values, (value) => String.fromCharCode(value)).join(""));
}

/** The bytes of a base64 text. */
export function bytes(packed) {
  return Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
}

function factList(data) {
  const cards = facts(data).map(([name, value, note]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, h("strong", {}, value), h("small", {}, note))),
  );
  return h("dl", { className: "facts" }, ...cards);
}

function lane(name, title, alternative, draw, ...legend) {
  const canvas = h("canvas", { className: name, role: "img", "aria-label": alternative });
  const head = h("i", { className: "playhead", hidden: true });
  const caption = h("figcaption", {}, h("strong", {}, title), ...legend);
  const figure = h("figure", {}, caption, h("div", { className: "lane" }, canvas, head));
  return { name, figure, caption, canvas, head, draw };
}

function key({ name, colour }) {
  return h("span", { className: "curve" }, h("i", { className: `dash ${colour}` }), name);
}

/** Calls `redraw` now and after every change of size or colours, until the returned function is called. */
function whenLookChanges(element, redraw) {
  const observer = new ResizeObserver(redraw);
  observer.observe(element);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", redraw);
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", redraw);
  };
}

/** Play, pause and seek in this recording; the playhead crosses all lanes, and a click in one plays from there. */
function transport(player, clip, duration, lanes) {
  const button = h("button", { type: "button", className: "toggle" }, "Play");
  const seek = h("input", { type: "range", min: 0, max: duration, step: 0.1, value: 0, "aria-label": "Position" });
  const time = h("span", { className: "time" }, clock(0));
  lanes[0].caption.append(time);
  const ours = () => player.current?.url === clip.url;
  const from = (start) => (ours() && player.playing ? player.seek(start) : player.play({ ...clip, start }));
  let frame = 0;
  const show = () => {
    cancelAnimationFrame(frame);
    const place = ours() ? player.time : 0;
    button.textContent = ours() && player.playing ? "Pause" : "Play";
    seek.value = place;
    seek.ariaValueText = time.textContent = clock(place);
    lanes.forEach(({ head }) => {
      head.hidden = !ours();
      head.style.setProperty("--at", Math.min(1, place / duration));
    });
    if (ours() && player.playing) frame = requestAnimationFrame(show);
  };
  button.addEventListener("click", () => {
    if (ours()) player.toggle();
    else player.play({ ...clip, start: Number(seek.value) });
  });
  seek.addEventListener("input", () => {
    if (ours()) player.seek(Number(seek.value));
    else time.textContent = clock(Number(seek.value));
  });
  lanes.forEach(({ canvas }) => {
    canvas.classList.add("seeks");
    canvas.addEventListener("click", (event) => from(duration * place(canvas, event.offsetX)));
  });
  for (const kind of ["change", "time"]) player.addEventListener(kind, show);
  return {
    element: h("div", { className: "transport" }, button, seek),
    close() {
      cancelAnimationFrame(frame);
      for (const kind of ["change", "time"]) player.removeEventListener(kind, show);
    },
  };
}

/** Place of a pointer event on a canvas's time axis, from 0 to 1. */
function place(canvas, x) {
  const style = getComputedStyle(canvas);
  const [left, right] = ["--gutter", "--margin"].map((name) => parseFloat(style.getPropertyValue(name)));
  return Math.min(1, Math.max(0, (x - left) / (canvas.clientWidth - left - right)));
}

function placeList({ suspicious, duration }, player, clip) {
  const heading = h("h2", {}, "Suspicious places");
  const none = h("p", { className: "muted" }, "None found.");
  if (!suspicious.length) return h("section", { className: "places" }, heading, none);
  const items = suspicious.map((found) => {
    const { where, what, probability } = told(found);
    const isMoment = found.end <= found.start;
    const [start, end] = isMoment ? [found.start - AROUND, found.start + AROUND] : [found.start, found.end];
    const span = { start: Math.max(0, start), end: Math.min(duration, end) };
    const button = clip && playButton(player, { ...clip, ...span }, `${what} at ${where}`);
    return h("li", {}, button, ...[where, what, probability].map((text) => h("span", {}, text)));
  });
  return h("section", { className: "places" }, heading, h("ol", {}, ...items));
}

/** A button that plays a clip, or pauses it while it plays; it follows the player while it is on the page. */
export function playButton(player, clip, what) {
  const button = h("button", { type: "button", className: "play" });
  const mine = () => player.playing && player.current.url === clip.url && player.current.start === clip.start;
  const show = () => {
    if (button.parentNode && !button.isConnected) return player.removeEventListener("change", show);
    button.classList.toggle("playing", mine());
    button.ariaLabel = `${mine() ? "Pause" : "Play"} ${what}`;
  };
  button.addEventListener("click", () => (mine() ? player.pause() : player.play(clip)));
  player.addEventListener("change", show);
  show();
  return button;
}

/** A table of all numbers of the curves, built when opened. */
function table(data) {
  const body = h("tbody", {});
  const head = h("thead", {}, h("tr", {}, ...COLUMNS.map((name) => h("th", { scope: "col" }, name))));
  const region = { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Every window" };
  const scroll = h("div", region, h("table", {}, head, body));
  const details = h("details", {}, h("summary", {}, "The numbers of every window"), scroll);
  details.addEventListener("toggle", () => {
    const made = rows(data).map((texts) => h("tr", {}, ...texts.map((text) => h("td", {}, text))));
    if (details.open) body.replaceChildren(...made);
  });
  return details;
}
