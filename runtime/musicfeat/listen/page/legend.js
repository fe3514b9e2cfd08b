/** The legend beside the map, in which a group can be highlighted. */
import { h } from "./dom.js";

/**
 * @param {object} legend from `paint`
 * @param {(values: Set|null) => void} pick called when a group is highlighted, with null when none is
 */
export function drawLegend(legend, pick) {
  return legend.groups ? groups(legend.groups, pick) : ramp(legend.ramp);
}

function groups(all, pick) {
  const buttons = all.map(({ title, colour, count, values }) => {
    const parts = [
      h("i", { className: `swatch ${colour}` }),
      h("span", {}, title),
      h("small", {}, count.toLocaleString("en")),
    ];
    const button = h("button", { type: "button", "aria-pressed": "false", title }, ...parts);
    button.addEventListener("click", () => {
      const on = button.ariaPressed !== "true";
      for (const other of buttons) other.ariaPressed = String(on && other === button);
      pick(on ? values : null);
    });
    return button;
  });
  return h("ul", { className: "legend" }, ...buttons.map((button) => h("li", {}, button)));
}

function ramp({ from, to, unit, open }) {
  const number = (value) => Number(value.toPrecision(2)).toString();
  const [least, most] = open ? [`≤ ${number(from)}`, `≥ ${number(to)}`] : [number(from), number(to)];
  const ends = h("span", { className: "ends" }, h("span", {}, least), h("span", {}, unit), h("span", {}, most));
  return h("div", { className: "legend" }, h("i", { className: "ramp" }), ends);
}
