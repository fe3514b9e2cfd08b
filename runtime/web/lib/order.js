/**
 * The order of any number of pieces from scores of "a directly before b": the rules of `musicfeat/sequence/order.py`,
 * which the tests compare with this file.
 */
import { argmax, draws, logistic, logSumExp } from "./numbers.js";

const EXACT_PIECES = 13;
const BEGINNINGS = 4;
const DRAWS = 4096;
const LONGEST_RUN = 8;

/**
 * The best order over all tried gaps; probabilities are summed over the gaps.
 * @param {number[]} gaps seconds
 * @param {number[][][]} tables [n, n] scores for each gap
 * @returns {{permutation: number[], probability: number, shuffled: number, scores: number[][], gap: number}}
 */
export function mostProbable(gaps, tables) {
  const identity = tables[0].map((_, i) => i);
  const orders = tables.map(bestOrder);
  const best = argmax(tables.map((table, i) => pathScore(table, orders[i])));
  const partition = logSumExp(tables.map((table, i) => logPartition(table, orders[i])));
  const score = logSumExp(tables.map((table) => pathScore(table, orders[best])));
  const asHanded = logSumExp(tables.map((table) => pathScore(table, identity)));
  return {
    permutation: orders[best],
    probability: Math.min(1, Math.exp(score - partition)),
    shuffled: shuffledProbability(asHanded, partition, identity.length),
    scores: tables[best],
    gap: gaps[best],
  };
}

/** The order with the greatest sum of scores: exact (Held and Karp, 1962), or by search for many pieces. */
export function bestOrder(scores) {
  const n = scores.length;
  if (n > EXACT_PIECES) return searched(scores);
  const table = sweep(scores, (values) => Math.max(...values));
  let mask = 2 ** n - 1;
  const order = [argmax(table[mask])];
  while (order.length < n) {
    mask ^= 1 << order.at(-1);
    order.push(argmax(table[mask].map((value, i) => value + scores[i][order.at(-1)])));
  }
  return order.reverse();
}

/** Sum of the scores along an order. */
export function pathScore(scores, order) {
  return order.slice(1).reduce((sum, piece, i) => sum + scores[order[i]][piece], 0);
}

/** Logarithm of exp(score) summed over all orders; estimated from random orders for many pieces. */
export function logPartition(scores, best) {
  if (scores.length <= EXACT_PIECES) return logSumExp(sweep(scores, logSumExp).at(-1));
  return logSumExp([sampledPartition(scores), pathScore(scores, best)]);
}

/** P(not in the given order), with prior 1/2 for the identity and the rest shared by the other orders. */
export function shuffledProbability(identity, partition, pieces) {
  const others = partition + Math.log1p(-Math.exp(Math.min(identity - partition, -1e-12)));
  let logCount = 0;
  for (let k = 2; k <= pieces; k++) logCount += Math.log(k);
  return logistic(others - identity - (logCount + Math.log1p(-Math.exp(-logCount))));
}

/** [2^n][n]: `reduce` over all orders of the set of pieces (bits of the row) that end with a column's piece. */
function sweep(scores, reduce) {
  const n = scores.length;
  const table = Array.from({ length: 2 ** n }, () => Array(n).fill(-Infinity));
  for (let i = 0; i < n; i++) table[1 << i][i] = 0;
  for (let mask = 1; mask < 2 ** n; mask++) {
    if ((mask & (mask - 1)) === 0) continue; // A single piece; subsets have smaller numbers than their set.
    for (let last = 0; last < n; last++) {
      if (!((mask >> last) & 1)) continue;
      table[mask][last] = reduce(table[mask ^ (1 << last)].map((value, i) => value + scores[i][last]));
    }
  }
  return table;
}

/** The given order and the best few greedy ones, each improved by moves of runs of pieces until none gains. */
function searched(scores) {
  const greedy = scores.map((_, first) => greedyOrder(scores, first));
  greedy.sort((a, b) => pathScore(scores, b) - pathScore(scores, a));
  const beginnings = [scores.map((_, i) => i), ...greedy.slice(0, BEGINNINGS)];
  const found = beginnings.map((order) => improved(order, scores));
  return found[argmax(found.map((order) => pathScore(scores, order)))];
}

function greedyOrder(scores, first) {
  const order = [first];
  const left = new Set(scores.keys());
  for (left.delete(first); left.size; left.delete(order.at(-1))) {
    const row = scores[order.at(-1)];
    order.push([...left].reduce((best, piece) => (row[piece] > row[best] ? piece : best)));
  }
  return order;
}

/** Or-opt (Or, 1976): the run of pieces whose move gains most is moved, until no move gains. */
function improved(order, scores) {
  // Free first and last stops make the ends like any other place.
  const costs = [...scores.map((row) => [...row, 0]), Array(scores.length + 1).fill(0)];
  for (let current = order; ; ) {
    const { gain, moved } = bestMove(current, costs);
    if (gain <= 1e-9) return current;
    current = moved;
  }
}

function bestMove(order, costs) {
  const stop = order.length;
  let best = { gain: -Infinity };
  for (let size = 1; size <= Math.min(stop, LONGEST_RUN); size++) {
    for (let begin = 0; begin + size <= stop; begin++) {
      const [part, rest] = [order.slice(begin, begin + size), order.toSpliced(begin, size)];
      const [before, after] = [[stop, ...rest], [...rest, stop]];
      const gains = before.map((b, i) => costs[b][part[0]] + costs[part.at(-1)][after[i]] - costs[b][after[i]]);
      const place = argmax(gains);
      if (gains[place] - gains[begin] > best.gain) {
        best = { gain: gains[place] - gains[begin], moved: rest.toSpliced(place, 0, ...part) };
      }
    }
  }
  return best;
}

/** The log-sum estimated from orders drawn piece by piece in proportion to exp(score), and weighted for that. */
function sampledPartition(scores) {
  const [n, draw] = [scores.length, draws(0)];
  return logSumExp(Array.from({ length: DRAWS }, () => drawnWeight(scores, n, draw))) - Math.log(DRAWS);
}

function drawnWeight(scores, n, draw) {
  let current = Math.floor(draw() * n);
  const left = new Set(scores.keys());
  let weight = Math.log(n);
  for (left.delete(current); left.size; left.delete(current)) {
    const row = scores[current];
    const total = logSumExp([...left].map((piece) => row[piece]));
    weight += total;
    let rest = draw();
    for (const piece of left) {
      current = piece;
      rest -= Math.exp(row[piece] - total);
      if (rest < 0) break;
    }
  }
  return weight;
}
