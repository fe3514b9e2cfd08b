/** Colours of the points, and their legend as plain data. */
import { rgb } from "./dom.js";

export const GROUPS = 12; // colours of the style sheet, --c0 to --c11
export const STEPS = 5; // colours of the ramp, --r0 to --r4
const NOTHING = 255; // the number for no tag
const SAMPLE = 20000; // values from which a ramp's ends are found

const MODES = [
  { name: "source", title: "Source", kind: "groups" },
  { name: "tag", title: "Strongest tag", kind: "groups" },
  { name: "change", title: "Tempo of change", kind: "ramp", unit: "cosine distance a second" },
  { name: "reversal", title: "Reversal", kind: "ramp", ends: [0, 1], unit: "P(plays backwards)" },
  { name: "jigsaw", title: "Order", kind: "ramp", ends: [0, 1], unit: "P(pieces out of order)" },
];

/**
 * The colour modes for this catalog's points; those with `asked` need `addGroups` first.
 *
 * @param {object} map columns of `api.map`
 * @param {object} groups titles of groups of tracks by name
 */
export function modes(map, groups = {}) {
  const has = {
    groups: (column) => column.some((value) => value !== NOTHING),
    ramp: (column) => column.some(Number.isFinite),
  };
  const found = MODES.filter(({ name, kind }) => map[name] && (name === "source" || has[kind](map[name])));
  const asked = Object.entries(groups).map(([name, title]) => ({ name, title, kind: "groups", asked: true }));
  return found.length ? [found[0], ...asked, ...found.slice(1)] : [MODES[0], ...asked];
}

/** Add a column of groups to the map. @param {{names: string[], of: (number|null)[]}} groups from `api.groups` */
export function addGroups({ name }, { names, of }, map) {
  map[name] = Uint32Array.from(map.track, (track) => of[track] ?? names.length);
  (map.words ??= {})[name] = names;
}

/** Number of rows in the longest legend of some modes, so that room for it can be kept. */
export function legendRows(modes, map) {
  return Math.max(
    ...modes.map(({ name, kind, asked }) => (asked ? GROUPS : kind === "groups" ? Math.min(GROUPS, new Set(map[name]).size) : 2)),
  );
}

/**
 * Colour every point.
 *
 * @returns {{rgb: Uint8Array, legend: object}} three bytes per point, and either {groups: [{title, colour, count,
 *   values: Set}]} with the largest groups first, or {ramp: {from, to, unit}}
 */
export function paint(mode, map, catalog) {
  return mode.kind === "groups" ? paintGroups(mode, map, catalog) : paintRamp(mode, map);
}

/** The words for a point's value under a mode. */
export function worded(mode, map, catalog, i) {
  const value = map[mode.name]?.[i];
  if (mode.kind === "groups") return title(mode, catalog, value, map);
  return Number.isFinite(value) ? `${mode.title} ${value.toPrecision(2)}` : `${mode.title} unknown`;
}

function title({ name }, { sources, labels }, value, { words }) {
  if (words?.[name]) return words[name][value] ?? "(none)";
  if (name === "source") return sources[value] || "(no folder)";
  return value === NOTHING ? "No tag" : (labels[value] ?? "No tag").replaceAll("_", " ");
}

function paintGroups(mode, map, catalog) {
  const column = map[mode.name];
  const counts = new Map();
  for (const value of column) counts.set(value, (counts.get(value) ?? 0) + 1);
  const ranked = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const own = ranked.length <= GROUPS ? ranked : ranked.slice(0, GROUPS - 1);
  const groups = own.map(([value, count], k) => {
    return { title: title(mode, catalog, value, map), colour: `c${k}`, count, values: new Set([value]) };
  });
  const others = ranked.slice(own.length);
  if (others.length) {
    const count = others.reduce((sum, [, number]) => sum + number, 0);
    groups.push({
      title: `${others.length} others`,
      colour: "other",
      count,
      values: new Set(others.map(([value]) => value)),
    });
  }
  const inks = new Map(groups.flatMap(({ colour, values }) => [...values].map((value) => [value, rgb(`--${colour}`)])));
  return { rgb: fill(map.count, (i) => inks.get(column[i])), legend: { groups } };
}

function paintRamp({ name, ends, unit }, map) {
  const column = map[name];
  const [from, to] = ends ?? usualEnds(column);
  const stops = Array.from({ length: STEPS }, (_, k) => rgb(`--r${k}`));
  const table = Array.from({ length: 256 }, (_, level) => {
    const place = (level / 255) * (STEPS - 1);
    const k = Math.min(Math.floor(place), STEPS - 2);
    return stops[k].map((value, channel) => Math.round(value + (stops[k + 1][channel] - value) * (place - k)));
  });
  const unknown = rgb("--other");
  const ink = (i) => {
    const value = column[i];
    if (!Number.isFinite(value)) return unknown;
    return table[Math.max(0, Math.min(255, Math.round((255 * (value - from)) / (to - from || 1))))];
  };
  return { rgb: fill(map.count, ink), legend: { ramp: { from, to, unit, open: !ends } } };
}

/** Ends of a ramp, from the 2nd to the 98th percentile, so that outliers do not take all colours. */
function usualEnds(column) {
  const stride = Math.max(1, Math.floor(column.length / SAMPLE));
  const values = column.filter((value, i) => i % stride === 0 && Number.isFinite(value)).sort();
  const at = (part) => values[Math.round(part * (values.length - 1))] ?? 0;
  return [at(0.02), at(0.98)];
}

function fill(count, ink) {
  const bytes = new Uint8Array(3 * count);
  for (let i = 0; i < count; i++) {
    const colour = ink(i);
    bytes[3 * i] = colour[0];
    bytes[3 * i + 1] = colour[1];
    bytes[3 * i + 2] = colour[2];
  }
  return bytes;
}

const FAINT = 32;
const CLEAR = 235;

/**
 * Colours with opacity, and the drawing order.
 *
 * @param {Uint8Array} colours three bytes per point
 * @param {Uint8Array|null} lit 1 for highlighted points, or null for no highlight
 * @returns {{rgba: Uint8Array, order: Uint32Array}} highlighted points are drawn last; the others are shuffled, so that
 *   the last source of the catalog does not hide the rest
 */
export function compose(colours, lit) {
  const count = colours.length / 3;
  const rgba = new Uint8Array(4 * count);
  const order = new Uint32Array(count);
  let [first, last] = [0, count - 1];
  const stride = coprime(count);
  for (let step = 0, i = 0; step < count; step++, i = (i + stride) % count) {
    for (let k = 0; k < 3; k++) rgba[4 * i + k] = colours[3 * i + k];
    rgba[4 * i + 3] = !lit || lit[i] ? CLEAR : FAINT;
    if (lit?.[i]) order[last--] = i;
    else order[first++] = i;
  }
  return { rgba, order };
}

function coprime(count) {
  const divisor = (a, b) => (b ? divisor(b, a % b) : a);
  let stride = Math.max(1, Math.round(count * 0.618));
  while (divisor(count, stride) > 1) stride++;
  return stride;
}
