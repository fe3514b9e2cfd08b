/** The visible part of the map: conversion of places to pixels and back, zooming, panning. */

const MARGIN = 1.12; // shows the whole map and a little more
const DEEPEST = 2000; // times the scale of the whole map
const GLIDE = 260; // ms
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Camera over the map. Events: "change" when the visible part changes. */
export class Camera extends EventTarget {
  #width = 1;
  #height = 1;
  #flight = 0;
  #whole = true;
  x = 0;
  y = 0;
  /** CSS pixels per unit of the map. */
  scale = 1;

  /** Set the size in CSS pixels; a view of the whole map stays one. */
  resize(width, height) {
    [this.#width, this.#height] = [Math.max(width, 1), Math.max(height, 1)];
    if (this.#whole) this.#set(0, 0, this.#least);
    else this.#tell();
  }

  get #least() {
    return Math.min(this.#width, this.#height) / 2 / MARGIN;
  }

  /** Scale relative to the view of the whole map. */
  get zoom() {
    return this.scale / this.#least;
  }

  /** Transform from the map to clip space, for the points. */
  get transform() {
    const scale = [(2 * this.scale) / this.#width, (2 * this.scale) / this.#height];
    return { scale, shift: [-this.x * scale[0], -this.y * scale[1]] };
  }

  /** The visible part of the map. */
  get box() {
    const [left, top] = this.toMap(0, 0);
    const [right, bottom] = this.toMap(this.#width, this.#height);
    return { left, top, right, bottom };
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.#width / 2, this.#height / 2 - (y - this.y) * this.scale];
  }

  toMap(left, top) {
    return [(left - this.#width / 2) / this.scale + this.x, (this.#height / 2 - top) / this.scale + this.y];
  }

  pan(right, down) {
    this.#flight++;
    this.#set(this.x - right / this.scale, this.y + down / this.scale, this.scale);
  }

  /** Zoom around the place under `left`, `top` (CSS pixels, by default the middle). */
  zoomBy(factor, left = this.#width / 2, top = this.#height / 2) {
    this.#flight++;
    const [x, y] = this.toMap(left, top);
    const scale = this.#limit(this.scale * factor);
    this.#set(x - (left - this.#width / 2) / scale, y + (top - this.#height / 2) / scale, scale);
  }

  /** Show the whole map. */
  reset() {
    this.#fly(0, 0, this.#least);
  }

  /** Show all of a box of the map; the zoom is limited for small boxes. */
  show({ left, right, top, bottom }) {
    const size = Math.min(this.#width / (right - left || 1e-9), this.#height / (top - bottom || 1e-9)) / 1.3;
    this.#fly((left + right) / 2, (top + bottom) / 2, Math.min(this.#limit(size), 24 * this.#least));
  }

  /** Pan as little as makes a place visible. */
  reveal(x, y) {
    const [left, top] = this.toScreen(x, y);
    const edge = 40;
    const beyond = (value, size) => Math.min(0, value - edge) + Math.max(0, value - size + edge);
    const [right, down] = [beyond(left, this.#width), beyond(top, this.#height)];
    if (right || down) this.pan(-right, -down);
  }

  #limit(scale) {
    return Math.max(this.#least / 1.5, Math.min(scale, this.#least * DEEPEST));
  }

  #set(x, y, scale) {
    const clamp = (value) => Math.max(-1, Math.min(1, value));
    [this.x, this.y, this.scale] = [clamp(x), clamp(y), scale];
    this.#whole = x === 0 && y === 0 && scale === this.#least;
    this.#tell();
  }

  #fly(x, y, scale) {
    const flight = ++this.#flight;
    if (still.matches) return this.#set(x, y, scale);
    const [from, begin] = [{ x: this.x, y: this.y, scale: this.scale }, performance.now()];
    const step = (now) => {
      if (flight !== this.#flight) return;
      const done = Math.min(1, Math.max(0, (now - begin) / GLIDE));
      const part = done * done * (3 - 2 * done);
      const between = (a, b) => (done === 1 ? b : a + (b - a) * part);
      this.#set(between(from.x, x), between(from.y, y), done === 1 ? scale : from.scale * (scale / from.scale) ** part);
      if (done < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
