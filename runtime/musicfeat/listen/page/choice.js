/** Windows found by name, and windows chosen by lasso, from the view or from those found; saved as a file. */
import { download } from "./dom.js";
import { toCsv, toM3u } from "./export.js";
import { boxOf } from "./places.js";

const MOST = 100000; // tracks in one list from the server
const SAVED = { csv: ["csv", "text/csv"], m3u: ["m3u8", "audio/x-mpegurl"] };

export class Choice {
  #map;
  #catalog;
  #api;
  #parts;
  #found = [];
  #chosen = [];
  #searches = 0;

  /**
   * @param {object} map columns of the map
   * @param {object} context of the page
   * @param {object} parts `sight`, `places`, `tracks` (a promise of all tracks by id), `panels` (`found`
   *   and `group` of panel.js), `surface`, `say`
   */
  constructor(map, { api, catalog }, parts) {
    [this.#map, this.#api, this.#catalog, this.#parts] = [map, api, catalog, parts];
  }

  /** Windows of some tracks. */
  windowsOf(ids) {
    const windows = [];
    this.#map.track.forEach((id, i) => ids.has(id) && windows.push(i));
    return windows;
  }

  /** Highlight the windows of tracks found by name, and zoom to them if `zoom`. */
  async search(text, zoom) {
    const turn = ++this.#searches;
    try {
      const tracks = text ? await this.#api.tracks({ search: text, limit: MOST }) : [];
      if (turn !== this.#searches) return;
      this.#found = this.windowsOf(new Set(tracks.map(({ id }) => id)));
      this.#parts.panels.found.show(text, tracks);
      this.#parts.sight.light("found", text ? this.#mask(this.#found) : null);
      if (zoom) this.zoomToFound();
    } catch ({ message }) {
      this.#parts.say(message);
    }
  }

  zoomToFound() {
    if (this.#found.length) this.#parts.sight.camera.show(boxOf(this.#found, this.#map.x, this.#map.y));
  }

  /** Whether a drag draws a lasso. */
  lasso = false;

  setLasso(on) {
    this.lasso = on;
    this.#parts.surface.classList.toggle("lasso", on);
  }

  draw(left, top) {
    const { overlay, camera } = this.#parts.sight;
    overlay.line.push(camera.toMap(left, top));
    this.#parts.sight.draw();
  }

  drawn(done) {
    const { overlay } = this.#parts.sight;
    const line = overlay.line;
    overlay.line = [];
    if (done && line.length > 2) this.choose(this.#parts.places.inside(line));
    this.#parts.sight.draw();
  }

  chooseFound() {
    this.choose(this.#found);
  }

  chooseInView() {
    this.choose(this.#parts.places.inBox(this.#parts.sight.camera.box));
  }

  choose(windows) {
    this.#chosen = windows.slice().sort((a, b) => a - b);
    this.#parts.sight.light("chosen", windows.length ? this.#mask(windows) : null);
    this.#parts.panels.group.show(windows.length, new Set(windows.map((i) => this.#map.track[i])).size);
  }

  #mask(windows) {
    const mask = new Uint8Array(this.#map.count);
    for (const i of windows) mask[i] = 1;
    return mask;
  }

  /** @param {"csv"|"m3u"} kind */
  async save(kind) {
    const tracks = await this.#parts.tracks;
    const [ending, type] = SAVED[kind];
    const text =
      kind === "csv" ? toCsv(this.#chosen, this.#map, this.#catalog, tracks) : toM3u(this.#chosen, this.#map, tracks);
    download(`${this.#catalog.name}.${ending}`, text, type);
  }
}
