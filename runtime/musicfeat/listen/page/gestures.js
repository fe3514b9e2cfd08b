/** Mouse, touch and keyboard input on the map, reduced to a few actions. */

const STILL = 5; // CSS pixels that a press may move and still be a click
const KEY_ZOOM = 1.4;
const KEY_PAN = 80; // CSS pixels

/**
 * @param {HTMLElement} surface
 * @param {Camera} camera
 * @param {object} told functions: `point(left, top)` and `leave()` as the mouse moves, `click(left, top)`,
 *   `drawing()` for whether a drag draws instead of panning, `draw(left, top)`, `drawn()`, and `key(event)` for keys
 *   other than the camera's, which returns whether it handled the key.
 */
export function listenToGestures(surface, camera, told) {
  const down = new Map();
  let press = null;

  const at = (event) => {
    const { left, top } = surface.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };

  const begin = (event) => {
    if (event.button) return;
    surface.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    if (down.size > 1) {
      if (press?.draws) told.drawn(false);
      press = null; // Two fingers zoom: neither is a click.
    } else press = { from: at(event), moved: false, draws: told.drawing() || event.shiftKey };
    told.leave();
  };

  const move = (event) => {
    const before = down.get(event.pointerId);
    const now = at(event);
    if (!before) {
      if (event.pointerType !== "touch") told.point(...now);
      return;
    }
    if (down.size === 2) pinch(event.pointerId, before, now);
    else if (press) drag(before, now);
    down.set(event.pointerId, now);
  };

  const drag = (before, now) => {
    if (!press.moved) {
      if (Math.hypot(now[0] - press.from[0], now[1] - press.from[1]) <= STILL) return;
      press.moved = true;
      if (press.draws) told.draw(...press.from);
    }
    if (press.draws) told.draw(...now);
    else camera.pan(now[0] - before[0], now[1] - before[1]);
  };

  const pinch = (id, before, now) => {
    const [, other] = [...down].find(([key]) => key !== id);
    const distance = ([left, top]) => Math.max(Math.hypot(left - other[0], top - other[1]), 1);
    const middle = (place) => [(place[0] + other[0]) / 2, (place[1] + other[1]) / 2];
    const [from, to] = [middle(before), middle(now)];
    camera.pan(to[0] - from[0], to[1] - from[1]);
    camera.zoomBy(distance(now) / distance(before), ...to);
  };

  const end = (event) => {
    if (!down.delete(event.pointerId) || !press) return;
    if (press.moved && press.draws) told.drawn(event.type === "pointerup");
    else if (!press.moved && event.type === "pointerup") told.click(...at(event));
    press = null;
  };

  const wheel = (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    camera.zoomBy(Math.exp(Math.max(-0.5, Math.min(0.5, -event.deltaY * lines * 0.002))), ...at(event));
  };

  surface.addEventListener("pointerdown", begin);
  surface.addEventListener("pointermove", move);
  surface.addEventListener("pointerup", end);
  surface.addEventListener("pointercancel", end);
  surface.addEventListener("pointerleave", () => told.leave());
  surface.addEventListener("wheel", wheel, { passive: false });
  surface.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (steer(camera, event) || told.key(event)) event.preventDefault();
  });
}

function steer(camera, { key, shiftKey }) {
  const pans = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  if (shiftKey && pans[key]) camera.pan(pans[key][0] * KEY_PAN, pans[key][1] * KEY_PAN);
  else if (key === "+" || key === "=") camera.zoomBy(KEY_ZOOM);
  else if (key === "-" || key === "_") camera.zoomBy(1 / KEY_ZOOM);
  else if (key === "0" || key === "Home") camera.reset();
  else return false;
  return true;
}
