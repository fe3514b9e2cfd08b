/**
 * The features of a recording from the outputs for its windows: the rules of `musicfeat/recording.py` and
 * `musicfeat/features.py`, which the tests compare with this file.
 */
import { stitched } from "./curves.js";
import { isSilent, poolingWeights } from "./windows.js";

const DECISIVE_SECONDS = 1;

/** A window's place in the recording, without its sound. */
export function rowOf(window) {
  return { start: window.start, valid: window.valid, silent: isSilent(window) };
}

/** All findings for one recording, one row per window; see index.d.ts. */
export class Features {
  /** @param {object} found from `features` */
  constructor(found) {
    Object.assign(this, found);
  }

  get times() {
    return this.starts.map((start, i) => (start + this.ends[i]) / 2);
  }

  get duration() {
    return this.ends.at(-1) - this.starts[0];
  }

  get embedding() {
    return Float32Array.from(mean(this.embeddings, this.weights));
  }

  get tags() {
    if (!this.tagCurve) return {};
    const pooled = mean(this.tagCurve, this.weights);
    return Object.fromEntries(this.labels.map((label, i) => [label, pooled[i]]));
  }

  get reversed() {
    return poolProbability(this.reversal, this.weights);
  }

  /** Plain numbers under the names of Python's `Features`. */
  toJSON() {
    const { starts, ends, silent, weights, reversal, jigsaw, labels } = this;
    const plain = (rows) => rows && rows.map((row) => Array.from(row));
    const pooled = { embedding: Array.from(this.embedding), reversed: this.reversed, tags: this.tagCurve && this.tags };
    const curves = { embeddings: plain(this.embeddings), tag_curve: plain(this.tagCurve) };
    const cuts = { cut_times: this.cutTimes, cut_curve: this.cutCurve };
    const turned = { reversal_times: this.reversalTimes, reversal_curve: this.reversalCurve };
    return { starts, ends, silent, weights, reversal, jigsaw, labels, ...curves, ...cuts, ...turned, pooled };
  }
}

/**
 * The features of a recording; silent, short and padded windows decide nothing.
 * @param {object} card of the model
 * @param {number} hop samples
 * @param {object[]} rows [W] from `rowOf`
 * @param {Object<string, Float32Array[]>} values [W, n] for each output that was run
 * @returns {object} the fields of `Features`
 */
export function features(card, hop, rows, values) {
  const rate = card.sample_rate;
  const heard = (name) => values[name]?.map((row, i) => (rows[i].silent ? row.map(() => 0) : row)) ?? null;
  const decided = (name, least) =>
    rows.map(({ silent, valid }, i) => (silent || valid < least || !values[name] ? 0.5 : values[name][i][0]));
  const [cut, backwards] = ["cut", "backwards"].map((name) => curve(card, rows, values, name));
  return {
    starts: rows.map(({ start }) => start / rate),
    ends: rows.map(({ start, valid }) => (start + valid) / rate),
    silent: rows.map(({ silent }) => silent),
    weights: shares(rows, hop),
    embeddings: heard("embedding"),
    reversal: decided("reversal", DECISIVE_SECONDS * rate),
    jigsaw: decided("jigsaw", card.window),
    labels: card.labels,
    tagCurve: heard("tags"),
    frames: heard("frames"),
    cutTimes: cut?.times ?? null,
    cutCurve: cut?.values ?? null,
    reversalTimes: backwards?.times ?? null,
    reversalCurve: backwards?.values ?? null,
  };
}

/** A curve over the recording; null if it was not computed. */
function curve(card, rows, values, name) {
  if (!values[name]) return null;
  const { start, valid } = rows.at(-1);
  const starts = rows.map((row) => row.start / card.sample_rate);
  return stitched(starts, values[name], card.curves[name], (start + valid) / card.sample_rate);
}

/** Mean of probabilities as log-odds, clipped so that one certain window cannot outvote the rest. */
export function poolProbability(probabilities, weights) {
  const logOdds = probabilities.map((p) => {
    const clipped = Math.min(Math.max(p, 1e-4), 1 - 1e-4);
    return [Math.log(clipped / (1 - clipped))];
  });
  return 1 / (1 + Math.exp(-mean(logOdds, weights)[0]));
}

/** [W] weight of each window in pooled values: 0 for silent ones, unless all are silent. */
function shares(rows, hop) {
  const allSilent = rows.every(({ silent }) => silent);
  const samples = poolingWeights(rows.map(({ valid }) => valid), hop);
  const counted = samples.map((share, i) => (rows[i].silent && !allSilent ? 0 : share));
  const total = counted.reduce((sum, share) => sum + share, 0);
  return counted.map((share) => share / total);
}

function mean(rows, weights) {
  const total = new Float64Array(rows[0].length);
  rows.forEach((row, i) => row.forEach((value, column) => (total[column] += weights[i] * value)));
  return Array.from(total, (value) => value / weights.reduce((sum, weight) => sum + weight, 0));
}
