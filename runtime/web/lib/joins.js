/**
 * Pieces of music packed into model windows, so that `successor` scores every join between them: the rules of
 * `musicfeat/sequence/joins.py`, which the tests compare with this file.
 */
import { logOddsAt } from "./curves.js";
import { InputError } from "./errors.js";
import { round } from "./numbers.js";

const SLACK_SECONDS = 0.003;
const LEAST_SECONDS = 1;
const GAP_STEP_SECONDS = 0.05;
const SURE = 5.5;
const WORN = 0.1;

/** The sizes for packing, in samples, the largest gap in seconds, and the moments of the curve of cuts, if any. */
export function layoutOf(card, outputs = []) {
  const { pieces: slots, piece_distance: distance, sample_rate: rate } = card;
  const slot = Math.floor(card.window / slots);
  const largestGap = Math.floor(distance / rate / GAP_STEP_SECONDS + 1e-9) * GAP_STEP_SECONDS;
  const moments = outputs.includes("cut") ? card.curves.cut : null;
  const longest = slot + round(SLACK_SECONDS * rate);
  return { slots, slot, distance, rate, window: card.window, largestGap, longest, moments };
}

/** Throws an InputError for fewer than two pieces, or one too short to compare. */
export function checkPieces(waves, { rate }) {
  if (waves.length < 2) throw new InputError(`ordering needs at least 2 pieces, got ${waves.length}`);
  waves.forEach((wave, i) => {
    if (wave.length >= LEAST_SECONDS * rate) return;
    const seconds = (wave.length / rate).toFixed(2);
    throw new InputError(`piece ${i} lasts ${seconds} s; at least ${LEAST_SECONDS} s is needed to compare it`);
  });
}

/** The gaps to try, in seconds: the given one, or a grid for null. */
export function gapCandidates(gap, { largestGap }) {
  if (gap === null) {
    const count = Math.ceil((largestGap + 1e-9) / GAP_STEP_SECONDS);
    return Array.from({ length: count }, (_, i) => i * GAP_STEP_SECONDS);
  }
  if (typeof gap === "number" && gap >= 0 && gap <= largestGap + 1e-9) return [gap];
  throw new InputError(`gap must be from 0 to ${largestGap.toFixed(2)} seconds, or null if unknown, got ${gap}`);
}

/**
 * Score of every piece directly before every other, [n][n] nats, diagonal 0.
 * @param {Float32Array[]} waves the pieces
 * @param {number} gap seconds
 * @param {object} layout of `layoutOf`
 * @param {(window: Float32Array) => Promise<object>} score a window's `successor`, [slots * slots], and its `cut`
 */
export async function joinScores(waves, gap, layout, score) {
  const missing = round(gap * layout.rate);
  const tails = waves.map((wave) => placed(wave, missing, layout, true));
  const heads = waves.map((wave) => placed(wave, missing, layout, false));
  const alike = layout.slots > 2 && tails.every((tail, i) => tail.every((value, j) => value === heads[i][j]));
  const touching = layout.moments && !missing;
  const [total, seen, evidence] = [zeros(waves.length), zeros(waves.length), zeros(waves.length)];
  const heard = async (who) => {
    const found = await score(packed(who, tails, heads, layout));
    if (touching) who.slice(1).forEach((b, i) => (evidence[who[i]][b] = evidenceOf(found.cut, i + 1, layout)));
    return found.successor;
  };
  for (const who of alike ? triples(waves.length) : couples(waves.length)) {
    const table = await heard(who);
    for (let a = 0; a < (alike ? who.length : 1); a++) {
      for (let b = 0; b < who.length; b++) {
        if (a === b) continue;
        total[who[a]][who[b]] += table[a * layout.slots + b];
        seen[who[a]][who[b]] += 1;
      }
    }
  }
  if (alike && touching) for (const who of thereAndBack(waves.length)) await heard(who);
  return total.map((row, a) => row.map((sum, b) => sum / Math.max(seen[a][b], 1) + evidence[a][b]));
}

/** Nats for the join before a slot of a window to run on, by the window's curve of cuts. */
function evidenceOf(cut, slot, { slot: size, rate, moments: [step, first] }) {
  const certain = -logOddsAt(cut, ((slot * size) / rate - first) / step);
  return Math.log(WORN + (1 - WORN) * Math.exp(certain - SURE));
}

/** One slot of a window: the piece's end or beginning, with half the gap as silence at that edge. */
function placed(wave, missing, { slot, rate }, isTail) {
  const [room, edge] = [slot - missing, Math.floor(missing / 2)];
  const slack = wave.length - room;
  const fits = Math.abs(slack) <= SLACK_SECONDS * rate;
  const from = fits ? Math.floor(Math.max(0, slack) / 2) : isTail ? Math.max(0, slack) : 0;
  const kept = wave.subarray(from, from + room);
  const spare = room - kept.length;
  const samples = new Float32Array(slot);
  samples.set(kept, edge + (fits ? Math.floor(spare / 2) : isTail ? spare : 0));
  return samples;
}

function packed(who, tails, heads, { slot, window }) {
  const samples = new Float32Array(window);
  who.forEach((piece, i) => samples.set((i ? heads : tails)[piece], i * slot));
  return samples;
}

function zeros(n) {
  return Array.from({ length: n }, () => Array(n).fill(0));
}

/** Sets of up to three pieces that contain every pair at least once; greedy, to keep them few. */
function* triples(n) {
  const open = new Set();
  const key = (a, b) => Math.min(a, b) * n + Math.max(a, b);
  for (let a = 0; a < n; a++) for (let b = a + 1; b < n; b++) open.add(key(a, b));
  while (open.size) {
    const first = Math.min(...open);
    const who = [Math.floor(first / n), first % n];
    const others = Array.from({ length: n }, (_, c) => c).filter((c) => !who.includes(c));
    const gain = (c) => who.filter((piece) => open.has(key(piece, c))).length;
    if (others.length) who.push(others.reduce((best, c) => (gain(c) > gain(best) ? c : best)));
    who.forEach((a, i) => who.slice(i + 1).forEach((b) => open.delete(key(a, b))));
    yield who;
  }
}

/** Each piece directly before each other: a pair of pieces, and its first again. */
function* thereAndBack(n) {
  for (let a = 0; a < n; a++) for (let b = a + 1; b < n; b++) yield [a, b, a];
}

/** All ordered pairs of two different pieces. */
function* couples(n) {
  for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) if (a !== b) yield [a, b];
}
