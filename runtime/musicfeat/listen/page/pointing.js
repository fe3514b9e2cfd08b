/** The window under the pointer or keyboard cursor: a ring around it, a text beside it, spoken for screen readers. */
import { worded } from "./colours.js";
import { clock, h } from "./dom.js";

const REACH = 14; // CSS pixels from the pointer within which a window is hit
const WIDTH = 260; // CSS pixels that the text may need

export class Pointing {
  #frame;
  #map;
  #context;
  #sight;
  #places;
  #tracks = new Map();
  /** The current colour mode of the points. */
  mode = null;

  constructor(frame, map, context, { sight, places, tracks }) {
    [this.#frame, this.#map, this.#context] = [frame, map, context];
    [this.#sight, this.#places] = [sight, places];
    tracks.then((all) => (this.#tracks = all));
  }

  /** The window under the pointer or keyboard cursor, or null. */
  get window() {
    return this.#sight.overlay.cursor;
  }

  under(left, top) {
    const { camera, lit } = this.#sight;
    return this.#places.nearest(...camera.toMap(left, top), REACH / camera.scale, lit);
  }

  at(left, top) {
    const i = this.under(left, top);
    if (i !== this.window) this.mark(i);
  }

  async mark(i) {
    const { overlay } = this.#sight;
    overlay.cursor = i;
    this.#sight.draw();
    this.#frame.surface.classList.toggle("over", i !== null);
    this.#frame.tip.hidden = true;
    if (i === null) return;
    const { name } = await this.#track(i);
    if (overlay.cursor === i) this.#tell(i, name);
  }

  #tell(i, name) {
    const { tip, surface } = this.#frame;
    const [left, top] = this.#sight.camera.toScreen(this.#map.x[i], this.#map.y[i]);
    const value = worded(this.mode, this.#map, this.#context.catalog, i);
    tip.replaceChildren(h("strong", {}, name), h("span", {}, `${clock(this.#map.start[i])} · ${value}`));
    tip.style.left = `${Math.max(8, Math.min(left + 14, surface.clientWidth - WIDTH))}px`;
    tip.style.top = `${Math.max(8, top > 90 ? top - 70 : top + 18)}px`;
    tip.hidden = false;
  }

  async #track(i) {
    const id = this.#map.track[i];
    return this.#tracks.get(id) ?? this.#context.api.track(id).catch(({ message }) => ({ id, name: message }));
  }

  /** Go to the next window in a direction, steps of -1, 0, 1; at first to the middle of the view. */
  async go(right, up) {
    const i = this.window === null ? this.#middle() : this.#places.next(this.window, right, up);
    if (i === null) return;
    this.#sight.camera.reveal(this.#map.x[i], this.#map.y[i]);
    await this.mark(i);
    const { name } = await this.#track(i);
    this.#frame.spoken.textContent = `${name}, ${clock(this.#map.start[i])}`;
  }

  /** The window nearest to the middle of the view, preferably a highlighted one. */
  #middle() {
    const { camera, lit } = this.#sight;
    const { left, right, top, bottom } = camera.box;
    return this.#places.nearest((left + right) / 2, (top + bottom) / 2, right - left + top - bottom, lit);
  }
}
