/**
 * What the model says of each window, put together: the rules of `musicfeat/recording.py` and `musicfeat/features.py`,
 * to which the tests hold this file.
 */
import { isSilent, poolingWeights } from "./windows.js";

const DECISIVE_SECONDS = 1;

/** A window's place in the recording, and nothing of its sound. */
export function rowOf(window) {
  return { start: window.start, valid: window.valid, silent: isSilent(window) };
}

/**
 * Silent, short and padded windows decide nothing.
 * @param {object} card of the model
 * @param {number} hop samples
 * @param {object[]} rows [W] of `rowOf`
 * @param {Object<string, number[][]>} values [W, n] for each output that the model has
 * @returns {object} with the names and units of `Features`
 */
export function features(card, hop, rows, values) {
  const rate = card.sample_rate;
  const zeros = (name) => values[name].map((row, i) => (rows[i].silent ? row.map(() => 0) : row));
  const decided = (name, least) =>
    rows.map(({ silent, valid }, i) => (silent || valid < least || !values[name] ? 0.5 : values[name][i][0]));
  const weights = shares(rows, hop);
  const found = {
    starts: rows.map(({ start }) => start / rate),
    ends: rows.map(({ start, valid }) => (start + valid) / rate),
    silent: rows.map(({ silent }) => silent),
    weights,
    embeddings: zeros("embedding"),
    reversal: decided("reversal", DECISIVE_SECONDS * rate),
    jigsaw: decided("jigsaw", card.window),
    labels: card.labels ?? [],
    tag_curve: values.tags ? zeros("tags") : null,
  };
  const pooled = { embedding: mean(found.embeddings, weights), reversed: poolProbability(found.reversal, weights) };
  pooled.tags = found.tag_curve && tagsByName(found.labels, mean(found.tag_curve, weights));
  return { ...found, pooled };
}

/** Average probabilities as log-odds, clipped so that one certain window cannot outvote the rest. */
export function poolProbability(probabilities, weights) {
  const logOdds = probabilities.map((p) => {
    const clipped = Math.min(Math.max(p, 1e-4), 1 - 1e-4);
    return [Math.log(clipped / (1 - clipped))];
  });
  return 1 / (1 + Math.exp(-mean(logOdds, weights)[0]));
}

/** [W] share of each window in pooled values: silent ones have none, unless all are silent. */
function shares(rows, hop) {
  const allSilent = rows.every(({ silent }) => silent);
  const samples = poolingWeights(rows.map(({ valid }) => valid), hop);
  const counted = samples.map((share, i) => (rows[i].silent && !allSilent ? 0 : share));
  const total = counted.reduce((sum, share) => sum + share, 0);
  return counted.map((share) => share / total);
}

function mean(curve, weights) {
  return curve[0].map((_, column) => curve.reduce((sum, row, i) => sum + weights[i] * row[column], 0));
}

function tagsByName(labels, values) {
  return Object.fromEntries(labels.map((label, i) => [label, values[i]]));
}
