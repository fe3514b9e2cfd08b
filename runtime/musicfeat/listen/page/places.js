/** Queries for windows by place: under the pointer, next in a direction, inside a lasso or a box. */
import KDBush from "./vendor/kdbush.min.js";

export class Places {
  #x;
  #y;
  #index;

  constructor(x, y) {
    [this.#x, this.#y] = [x, y];
    this.#index = new KDBush(x.length, 64, Float32Array);
    for (let i = 0; i < x.length; i++) this.#index.add(x[i], y[i]);
    this.#index.finish();
  }

  /** The window nearest to a place within a distance, or null. `preferred` windows win among equals. */
  nearest(x, y, distance, preferred = null) {
    let [best, least] = [null, Infinity];
    for (const i of this.#index.within(x, y, distance)) {
      const far = (this.#x[i] - x) ** 2 + (this.#y[i] - y) ** 2 - (preferred?.[i] ? distance ** 2 : 0);
      if (far < least) [best, least] = [i, far];
    }
    return best;
  }

  /**
   * The next window from another in a direction (steps of -1, 0, 1; up is positive), or null at the edge; close
   * windows straight ahead are preferred.
   */
  next(from, right, up) {
    const [x, y] = [this.#x[from], this.#y[from]];
    for (let reach = 0.01; reach < 4; reach *= 2) {
      let [best, least] = [null, Infinity];
      for (const i of this.#index.within(x, y, reach)) {
        const [along, aside] = [
          (this.#x[i] - x) * right + (this.#y[i] - y) * up,
          (this.#x[i] - x) * up - (this.#y[i] - y) * right,
        ];
        if (along <= 1e-6 || Math.abs(aside) > along) continue;
        const cost = along + 2 * Math.abs(aside);
        if (cost < least) [best, least] = [i, cost];
      }
      if (best !== null) return best;
    }
    return null;
  }

  /** All windows in a box of the map. */
  inBox({ left, bottom, right, top }) {
    return this.#index.range(left, bottom, right, top);
  }

  /** All windows inside a closed line of [x, y] pairs, by the even-odd rule. */
  inside(line) {
    const [xs, ys] = [line.map(([x]) => x), line.map(([, y]) => y)];
    const box = { left: Math.min(...xs), right: Math.max(...xs), bottom: Math.min(...ys), top: Math.max(...ys) };
    return this.inBox(box).filter((i) => encloses(xs, ys, this.#x[i], this.#y[i]));
  }
}

function encloses(xs, ys, x, y) {
  let inside = false;
  for (let i = 0, j = xs.length - 1; i < xs.length; j = i++) {
    if (ys[i] > y !== ys[j] > y && x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) inside = !inside;
  }
  return inside;
}

/** The box of some windows of the map. */
export function boxOf(indices, x, y) {
  const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (const i of indices) {
    box.left = Math.min(box.left, x[i]);
    box.right = Math.max(box.right, x[i]);
    box.bottom = Math.min(box.bottom, y[i]);
    box.top = Math.max(box.top, y[i]);
  }
  return box;
}
