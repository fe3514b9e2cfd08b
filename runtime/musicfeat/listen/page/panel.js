/** The panels beside the map: colours, tracks found, and the chosen group. */
import { drawLegend } from "./legend.js";
import { clock, counted, h } from "./dom.js";

const LISTED = 50;
const ROW = 1.68; // rem, of a row of a legend

/**
 * @param {object[]} modes from `colours.js`
 * @param {number} rows of the longest legend: room for it is kept, so that nothing below it moves
 * @param {(mode: object) => void} choose
 */
export function colourPanel(modes, rows, choose) {
  const options = modes.map(({ title }, k) => h("option", { value: k }, title));
  const select = h("select", { id: "colour" }, ...options);
  const slot = h("div", { className: "slot" });
  slot.style.height = `${Math.max(2, rows) * ROW}rem`;
  select.addEventListener("change", () => choose(modes[select.value]));
  const node = h("section", { className: "colours" }, h("label", { for: "colour" }, "Colour by"), select, slot);
  return { node, legend: (legend, pick) => slot.replaceChildren(drawLegend(legend, pick)) };
}

/** Tracks whose names contain the searched text. `told`: `play(track)`, `zoom()`, `select()`. */
export function foundPanel(told) {
  const head = h("h2", { "aria-live": "polite" });
  const list = h("ul", { className: "found" });
  const [zoom, select] = [button("Zoom to them", told.zoom), button("Select them", told.select)];
  const node = h(
    "section",
    { className: "finds", hidden: true, "aria-label": "Found" },
    head,
    h("p", { className: "tools" }, zoom, select),
    list,
  );
  const row = (track) => {
    const listen = button("", () => told.play(track), { className: "play", "aria-label": `Play ${track.name}` });
    listen.disabled = track.present === false;
    const link = h("a", { href: `#/track/${track.id}` }, track.name);
    return h("li", {}, listen, link, h("small", {}, clock(track.duration ?? NaN, 0)));
  };
  const show = (text, tracks) => {
    node.hidden = !text;
    head.textContent = tracks.length
      ? `${counted(tracks.length, "track")} named “${text}”`
      : `No track named “${text}”`;
    zoom.disabled = select.disabled = !tracks.length;
    list.replaceChildren(...tracks.slice(0, LISTED).map(row));
    if (tracks.length > LISTED) list.append(h("li", {}, h("small", {}, `and ${tracks.length - LISTED} more`)));
  };
  return { node, show };
}

/** The chosen windows. `told`: `lasso(on)`, `view()`, `clear()`, `csv()`, `m3u()`. */
export function groupPanel(told) {
  const lasso = button("Lasso", () => turn(lasso.ariaPressed !== "true"), { "aria-pressed": "false" });
  const view = button("All in view", told.view);
  const count = h("output", { id: "count", "aria-live": "polite" });
  const [csv, m3u, clear] = [button("Save CSV", told.csv), button("Save M3U", told.m3u), button("Clear", told.clear)];
  const turn = (on) => {
    lasso.ariaPressed = String(on);
    told.lasso(on);
  };
  const show = (windows, tracks) => {
    count.textContent = windows ? `${counted(windows, "window")} of ${counted(tracks, "track")}` : "Nothing selected";
    csv.disabled = m3u.disabled = clear.disabled = !windows;
  };
  show(0, 0);
  const tools = h("p", { className: "tools" }, lasso, view, clear);
  const node = h("section", {}, h("h2", {}, "Selection"), tools, count, h("p", { className: "tools" }, csv, m3u));
  return { node, show, turn };
}

/** The list of keys and their actions. */
export function keysPanel() {
  const keys = [
    ["Arrow keys", "to the next window"],
    ["Enter", "play it"],
    ["T", "open its track"],
    ["+ and −", "zoom"],
    ["Shift + arrows", "pan"],
    ["0", "the whole map"],
    ["L", "lasso on and off"],
    ["A", "select all in view"],
    ["Escape", "clear the selection"],
  ];
  const rows = keys.flatMap(([key, what]) => [h("dt", {}, key), h("dd", {}, what)]);
  const words = "Drag to pan, scroll or pinch to zoom, click to play; drag with Shift to lasso.";
  return h("details", {}, h("summary", {}, "Mouse and keys"), h("p", {}, words), h("dl", {}, ...rows));
}

function button(text, click, more = {}) {
  const node = h("button", { type: "button", ...more }, text);
  node.addEventListener("click", click);
  return node;
}
