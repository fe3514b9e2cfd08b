/** Stretches that play backwards: the rules of `musicfeat/curves.py` and `musicfeat/finding.py`. */
import { logOdds } from "./curves.js";
import { logistic } from "./numbers.js";

const LEAST_SECONDS = 1;
const REACH_SECONDS = 2;
const FARTHER = 2;
const LEAST_CUT = 0.02;
const DROP = 2;

/**
 * Stretches of a curve of backward music, in time order; their log-odds are the mean of those in them. Their ends move
 * to the likeliest cut near by, unless the recording begins or ends there.
 *
 * @param {{times: number[], values: number[], step: number}} curve P(this plays backwards) at each time
 * @param {{times: number[], values: number[]}} cuts P(cut) at each time
 * @param {number} least probability of a stretch
 * @returns {{start: number, end: number, probability: number}[]}
 */
export function stretches(curve, cuts, least) {
  const gains = curve.values.map(logOdds);
  return runs(gains)
    .map(([first, last]) => {
      const total = gains.slice(first, last + 1).reduce((sum, gain) => sum + gain, 0);
      return { ...bounds(curve, first, last, cuts), probability: logistic(total / (last + 1 - first)) };
    })
    .filter(({ start, end, probability }) => probability >= least && end - start >= LEAST_SECONDS);
}

/** First and last number of each stretch with a positive sum of gains, ended where the sum is greatest. */
function runs(gains) {
  const found = [];
  let [first, last, total, best] = [0, -1, 0, 0];
  gains.forEach((gain, i) => {
    total += gain;
    if (total > best) {
      [first, last, best] = [best ? first : i, i, total];
    } else if (total <= Math.max(0, best - DROP)) {
      if (best) found.push([first, last]);
      total = best = 0;
    }
  });
  return best ? [...found, [first, last]] : found;
}

function bounds({ times, step }, first, last, cuts) {
  const [start, end] = [times[first] - step / 2, times[last] + step / 2];
  const reach = Math.min(REACH_SECONDS, (end - start) / 3);
  return {
    start: first ? likeliest(cuts, start, reach) : start,
    end: last < times.length - 1 ? likeliest(cuts, end, reach) : end,
  };
}

/** Time of the likeliest cut within `reach` seconds of a time, near ones preferred; that time if there is none. */
function likeliest({ times, values }, time, reach) {
  let [best, most] = [time, -Infinity];
  times.forEach((place, i) => {
    if (place < time - reach || place >= time + reach || values[i] < LEAST_CUT) return;
    const score = logOdds(values[i]) - FARTHER * Math.abs(place - time);
    if (score > most) [best, most] = [place, score];
  });
  return best;
}
