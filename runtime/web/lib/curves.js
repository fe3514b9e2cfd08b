/**
 * Curves over a whole recording, of the values that a model gives for each moment of a window: the rules of
 * `musicfeat/curves.py`, which the tests compare with this file.
 */
export const CURVES = ["cut", "backwards"];
/** Least seconds between two cuts. */
export const APART_SECONDS = 0.5;
const CERTAIN = 1e-6;

/**
 * One curve out of those of windows, at the moments of the window whose middle is nearest. Where windows overlap,
 * log-odds are averaged, each window counting the more the nearer its middle is.
 *
 * @param {number[]} starts [W] start of each window in seconds, rising
 * @param {Float32Array[]} rows [W] probabilities of each window
 * @param {[number, number]} timing seconds from one value to the next, and from a window's start to the first
 * @param {number} end of the sound in seconds; later values are padding
 * @returns {{times: number[], values: number[], step: number}}
 */
export function stitched(starts, rows, [step, first], end) {
  const [times, values] = [[], []];
  const border = (i) => (starts[i + 1] + starts[i] + rows[0].length * step) / 2;
  rows.forEach((row, i) => {
    const lower = i ? border(i - 1) : -Infinity;
    const upper = Math.min(i + 1 < rows.length ? border(i) : Infinity, end);
    row.forEach((value, j) => {
      const time = starts[i] + first + step * j;
      if (time < lower || time >= upper) return;
      times.push(time);
      values.push(value);
    });
  });
  return { times, values: averaged(times, values, starts, rows, step, first), step };
}

/** The values, and where several windows overlap, the mean of their log-odds as a probability. */
function averaged(times, values, starts, rows, step, first) {
  const half = (rows[0].length * step) / 2;
  const [total, weight, windows] = [0, 0, 0].map((zero) => times.map(() => zero));
  let from = 0;
  starts.forEach((start, i) => {
    while (times[from] < start) from++;
    for (let j = from; times[j] < start + 2 * half; j++) {
      const near = Math.max(CERTAIN, 1 - Math.abs(times[j] - start - half) / half);
      total[j] += near * logOddsAt(rows[i], (times[j] - start - first) / step);
      weight[j] += near;
      windows[j] += 1;
    }
  });
  return values.map((value, j) => (windows[j] > 1 ? 1 / (1 + Math.exp(-total[j] / weight[j])) : value));
}

/** Log-odds at a place between two values of a row. */
export function logOddsAt(row, place) {
  const at = Math.min(Math.max(place, 0), row.length - 1);
  const before = Math.floor(at);
  const behind = Math.min(before + 1, row.length - 1);
  return (before + 1 - at) * logOdds(row[before]) + (at - before) * logOdds(row[behind]);
}

/** Logarithm of the odds of a probability, which counts as a little uncertain. */
export function logOdds(probability) {
  const p = Math.min(Math.max(probability, CERTAIN), 1 - CERTAIN);
  return Math.log(p / (1 - p));
}

/** Times and values of local maxima of at least `least`, the highest first taken, `apart` seconds apart, by time. */
export function peaks(times, values, least, apart) {
  const isTop = (i) => values[i] >= least && !(values[i - 1] > values[i]) && !(values[i + 1] > values[i]);
  const tops = [...values.keys()].filter(isTop).sort((a, b) => values[b] - values[a]);
  const found = [];
  for (const i of tops) {
    if (found.every(([time]) => Math.abs(times[i] - time) >= apart)) found.push([times[i], values[i]]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}
