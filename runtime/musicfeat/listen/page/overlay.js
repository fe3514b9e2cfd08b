/** Drawings over the points: the path of the playing track, rings, the lasso. */
import { property } from "./dom.js";

export class Overlay {
  #canvas;
  #camera;
  #map;
  #ratio = 1;
  /** Windows of the playing track, in order; the playing window; the one under the pointer or keyboard cursor. */
  path = [];
  playing = null;
  cursor = null;
  /** The lasso so far, as [x, y] pairs on the map. */
  line = [];

  constructor(canvas, camera, map) {
    [this.#canvas, this.#camera, this.#map] = [canvas, camera, map];
  }

  resize(width, height, ratio) {
    this.#ratio = ratio;
    Object.assign(this.#canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  }

  draw() {
    const pen = this.#canvas.getContext("2d");
    pen.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    pen.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    const [ink, accent] = [property("--ink"), property("--accent")];
    this.#trace(
      pen,
      this.path.map((i) => this.#at(i)),
      accent,
      { alpha: 0.45 },
    );
    const line = this.line.map((place) => this.#camera.toScreen(...place));
    this.#trace(pen, line, ink, { dashes: [5, 4], fill: true });
    if (this.cursor !== null) this.#ring(pen, this.cursor, 7, ink);
    if (this.playing !== null) this.#ring(pen, this.playing, 10, accent);
  }

  #at(i) {
    return this.#camera.toScreen(this.#map.x[i], this.#map.y[i]);
  }

  #trace(pen, places, colour, { alpha = 1, dashes = [], fill = false }) {
    if (places.length < 2) return;
    pen.beginPath();
    for (const place of places) pen.lineTo(...place);
    if (fill) pen.closePath();
    Object.assign(pen, {
      strokeStyle: colour,
      fillStyle: colour,
      lineWidth: 1.5,
      lineJoin: "round",
      globalAlpha: alpha,
    });
    pen.setLineDash(dashes);
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 0.08;
    if (fill) pen.fill();
    pen.globalAlpha = 1;
  }

  #ring(pen, i, radius, colour) {
    pen.beginPath();
    pen.arc(...this.#at(i), radius, 0, 2 * Math.PI);
    Object.assign(pen, { strokeStyle: property("--page"), lineWidth: 5 });
    pen.stroke();
    Object.assign(pen, { strokeStyle: colour, lineWidth: 2.5 });
    pen.stroke();
  }
}
