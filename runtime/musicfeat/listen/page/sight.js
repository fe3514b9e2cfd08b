/** The visible map: points in their colours, drawings over them, and the camera. */
import { Camera } from "./camera.js";
import { compose, paint } from "./colours.js";
import { rgb } from "./dom.js";
import { Overlay } from "./overlay.js";
import { createPoints } from "./points.js";

const SHARPEST = 2; // canvas pixels per CSS pixel
const dark = matchMedia("(prefers-color-scheme: dark)");

export class Sight {
  camera = new Camera();
  #frame;
  #map;
  #catalog;
  #points;
  #mode;
  #colours;
  #ground;
  #lit = { group: null, found: null, chosen: null };
  #asked = 0;
  #watch = new AbortController();
  #resizer = new ResizeObserver(() => this.#resize());

  /** @param {object} frame from `stage` in map.js @param {object} map columns from `api.map` */
  constructor(frame, map, catalog) {
    [this.#frame, this.#map, this.#catalog] = [frame, map, catalog];
    this.#points = createPoints(frame.points, map.x, map.y);
    frame.surface.dataset.kind = this.#points.kind;
    this.overlay = new Overlay(frame.over, this.camera, map);
    this.camera.addEventListener("change", () => this.draw());
  }

  /** Runs once the first mode is chosen. */
  begin() {
    this.#resizer.observe(this.#frame.surface);
    this.#resize();
    this.#paint();
    dark.addEventListener("change", () => this.#dress(), { signal: this.#watch.signal });
  }

  close() {
    this.#watch.abort();
    this.#resizer.disconnect();
    cancelAnimationFrame(this.#asked);
  }

  /** @returns {object} the legend */
  colourBy(mode) {
    this.#mode = mode;
    this.#lit.group = null;
    return this.#dress();
  }

  #dress() {
    const { rgb: colours, legend } = paint(this.#mode, this.#map, this.#catalog);
    this.#colours = colours;
    this.#ground = rgb("--page");
    this.#light();
    return legend;
  }

  /**
   * Highlight some windows. Chosen windows take precedence over those found, and these over a group of the legend.
   *
   * @param {"group"|"found"|"chosen"} why
   * @param {Uint8Array|null} mask 1 for each highlighted window; null removes the highlight
   */
  light(why, mask) {
    this.#lit[why] = mask;
    this.#light();
  }

  get lit() {
    return this.#lit.chosen ?? this.#lit.found ?? this.#lit.group;
  }

  #light() {
    const { rgba, order } = compose(this.#colours, this.lit);
    this.#points.colour(rgba, order);
    this.draw();
  }

  /** Draw once with the next frame, however often requested. */
  draw() {
    if (!this.#asked) this.#asked = requestAnimationFrame(() => this.#paint());
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#frame.surface;
    const ratio = Math.min(devicePixelRatio, SHARPEST);
    Object.assign(this.#frame.points, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    this.overlay.resize(width, height, ratio);
    this.camera.resize(width, height);
  }

  #paint() {
    this.#asked = 0;
    const ratio = Math.min(devicePixelRatio, SHARPEST);
    const whole = Math.max(2.2, Math.min(9, 300 / Math.sqrt(this.#map.count)));
    const size = Math.min(12, whole * this.camera.zoom ** 0.35) * ratio;
    this.#points.draw({ ...this.camera.transform, size, ground: this.#ground });
    this.overlay.draw();
  }
}
