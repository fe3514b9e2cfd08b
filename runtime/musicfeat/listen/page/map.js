/** The map: every window of the catalog as a point to look at, hear and choose. */
import { Choice } from "./choice.js";
import { addGroups, legendRows, modes } from "./colours.js";
import { h } from "./dom.js";
import { listenToGestures } from "./gestures.js";
import { colourPanel, foundPanel, groupPanel, keysPanel } from "./panel.js";
import { Places } from "./places.js";
import { Pointing } from "./pointing.js";
import { Sight } from "./sight.js";

const MOST = 100000; // tracks in one list from the server
const LOOK = 2000; // ms between two checks for a better layout
let loaded = null; // Fetched once: views come and go.

/** @returns {Promise<{close: () => void, search?: (text: string, zoom: boolean) => void}>} */
export async function show(root, context) {
  const frame = stage();
  root.append(frame.node);
  loaded ??= context.api.map();
  const map = await loaded.catch((error) => {
    loaded = null;
    throw error;
  });
  if (map.count) return new MapView(frame, context, map);
  frame.say("This catalog holds no windows to show.");
  return { close() {} };
}

/** Mark for performance measurements: after the next frame starts, the points are on the screen. */
function markWhenPainted() {
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("map-painted")));
}

function stage() {
  const [points, over] = [h("canvas", { className: "points" }), h("canvas", { className: "over" })];
  const surface = h("div", { className: "surface", tabIndex: 0, role: "application" }, points, over);
  surface.ariaLabel = "Map of all windows: arrow keys go from window to window, Enter plays";
  const tip = h("div", { className: "tip", hidden: true });
  const spoken = h("p", { className: "unseen spoken", role: "status" });
  const words = h("p", { className: "words" }, "Loading the map…");
  const offer = h("p", { className: "offer", role: "status" });
  const panel = h("aside", { className: "panel", "aria-label": "Colours, search and selection" });
  const node = h(
    "div",
    { className: "stage" },
    h("div", { className: "sheet" }, surface, tip, words, offer, spoken),
    panel,
  );
  const say = (text) => Object.assign(words, { textContent: text, hidden: !text });
  return { node, points, over, surface, tip, spoken, offer, panel, say };
}

class MapView {
  #frame;
  #context;
  #map;
  #sight;
  #pointing;
  #choice;
  #panels;
  #watch = new AbortController();

  constructor(frame, context, map) {
    [this.#frame, this.#context, this.#map] = [frame, context, map];
    const all = modes(map, context.catalog.groups);
    this.#sight = new Sight(frame, map, context.catalog);
    this.#addPanels(all);
    this.#panels.colour.legend(this.#sight.colourBy(all[0]), (values) => this.#pick(all[0], values));
    this.#sight.begin();
    frame.say("");
    markWhenPainted();
    const parts = { sight: this.#sight, places: new Places(map.x, map.y), tracks: this.#tracks() };
    this.#pointing = new Pointing(frame, map, context, parts);
    this.#pointing.mode = all[0];
    this.#choice = new Choice(map, context, { ...parts, ...frame, panels: this.#panels });
    listenToGestures(frame.surface, this.#sight.camera, this.#told());
    this.#followPlayer();
    if (map.improving) this.#awaitLayout();
    performance.mark("map-ready");
    if (context.search) this.search(context.search, true);
  }

  search(text, zoom) {
    this.#choice.search(text, zoom);
  }

  close() {
    this.#watch.abort();
    this.#sight.close();
  }

  /** Wait for the server's better layout; it is shown only on request, as all points move then. */
  async #awaitLayout() {
    const { api, again } = this.#context;
    for (let facts = this.#map; facts.layout === this.#map.layout;) {
      if (!facts.improving || this.#watch.signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      facts = await api.mapFacts().catch(() => ({ layout: this.#map.layout }));
    }
    const button = h("button", { type: "button" }, "Show it");
    button.addEventListener("click", () => {
      loaded = null;
      again();
    });
    this.#frame.offer.replaceChildren("A clearer layout of this map is ready. ", button);
  }

  /** All tracks by id; empty if the server fails, with a message. */
  async #tracks() {
    try {
      const tracks = await this.#context.api.tracks({ limit: MOST });
      return new Map(tracks.map((track) => [track.id, track]));
    } catch ({ message }) {
      this.#frame.say(message);
      return new Map();
    }
  }

  #addPanels(all) {
    const colour = colourPanel(all, legendRows(all, this.#map), async (mode) => {
      if (!(await this.#addGroups(mode))) return;
      this.#pointing.mode = mode;
      colour.legend(this.#sight.colourBy(mode), (values) => this.#pick(mode, values));
    });
    const found = foundPanel({
      play: (track) => this.#context.player.play({ ...track, start: 0 }),
      zoom: () => this.#choice.zoomToFound(),
      select: () => this.#choice.chooseFound(),
    });
    const group = groupPanel({
      lasso: (on) => this.#choice.setLasso(on),
      view: () => this.#choice.chooseInView(),
      clear: () => this.#choice.choose([]),
      csv: () => this.#choice.save("csv"),
      m3u: () => this.#choice.save("m3u"),
    });
    this.#panels = { colour, found, group };
    this.#frame.panel.append(colour.node, group.node, keysPanel());
    this.#frame.surface.after(found.node); // Over the map: it comes and goes without moving other elements.
  }

  /** Whether the map has the data for a mode; groups of tracks are fetched when first chosen. */
  async #addGroups(mode) {
    if (!mode.asked || this.#map[mode.name]) return true;
    try {
      addGroups(mode, await this.#context.api.groups(mode.name), this.#map);
      return true;
    } catch ({ message }) {
      this.#frame.say(message);
      return false;
    }
  }

  /** Highlight a group of the legend. */
  #pick({ name }, values) {
    const column = this.#map[name];
    this.#sight.light("group", values && Uint8Array.from(column, (value) => Number(values.has(value))));
  }

  #told() {
    return {
      point: (left, top) => this.#pointing.at(left, top),
      leave: () => this.#pointing.mark(null),
      click: (left, top) => this.#click(left, top),
      drawing: () => this.#choice.lasso,
      draw: (left, top) => this.#choice.draw(left, top),
      drawn: (done) => this.#choice.drawn(done),
      key: (event) => this.#key(event),
    };
  }

  #click(left, top) {
    const i = this.#pointing.under(left, top);
    this.#pointing.mark(i);
    if (i !== null) this.#play(i);
  }

  async #play(i) {
    const { api, player } = this.#context;
    try {
      const { id, name, starts, ends, present } = await api.track(this.#map.track[i]);
      const start = this.#map.start[i];
      const own = starts.findIndex((value) => Math.abs(value - start) < 1e-3);
      await player.play({ id, name, start, end: ends[own] ?? null, present });
    } catch ({ message }) {
      this.#frame.say(message);
    }
  }

  /** Draw the playing track as a path, with a ring that moves along it. */
  #followPlayer() {
    const { player } = this.#context;
    const { overlay } = this.#sight;
    let path = null;
    const follow = () => {
      const id = player.current?.id ?? null;
      if (path !== id) {
        path = id;
        overlay.path = id === null ? [] : this.#choice.windowsOf(new Set([id]));
        overlay.path.sort((a, b) => this.#map.start[a] - this.#map.start[b]);
      }
      const begun = (i) => this.#map.start[i] <= player.time + 0.01;
      overlay.playing = (player.current?.url && overlay.path.findLast(begun)) ?? null;
      this.#sight.draw();
    };
    for (const kind of ["change", "time"]) player.addEventListener(kind, follow, { signal: this.#watch.signal });
    follow();
  }

  #key({ key, repeat }) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const window = this.#pointing.window;
    const deeds = {
      enter: () => window !== null && this.#playOrPause(window),
      t: () => window !== null && (location.hash = `#/track/${this.#map.track[window]}/${this.#map.start[window]}`),
      a: () => this.#choice.chooseInView(),
      l: () => this.#panels.group.turn(!this.#choice.lasso),
      escape: () => this.#choice.choose([]),
    };
    deeds[" "] = deeds.enter;
    if (steps[key]) this.#pointing.go(...steps[key]);
    else if (!Object.hasOwn(deeds, key.toLowerCase())) return false;
    else if (!repeat) deeds[key.toLowerCase()]();
    return true;
  }

  #playOrPause(i) {
    const { player } = this.#context;
    if (player.plays(this.#map.track[i], this.#map.start[i])) player.pause();
    else this.#play(i);
  }
}
