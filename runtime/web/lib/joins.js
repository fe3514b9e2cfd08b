/**
 * Pieces of music packed into model windows, so that `successor` scores every join between them: the rules of
 * `musicfeat/sequence/joins.py`, which the tests compare with this file.
 */
import { InputError } from "./errors.js";
import { round } from "./numbers.js";

const SLACK_SECONDS = 0.003;
const LEAST_SECONDS = 1;
const GAP_STEP_SECONDS = 0.05;

/** The sizes for packing, in samples, and the largest gap in seconds. */
export function layoutOf(card) {
  const { pieces: slots, piece_distance: distance, sample_rate: rate } = card;
  const slot = Math.floor(card.window / slots);
  const largestGap = Math.floor(distance / rate / GAP_STEP_SECONDS + 1e-9) * GAP_STEP_SECONDS;
  return { slots, slot, distance, rate, window: card.window, largestGap, longest: slot + round(SLACK_SECONDS * rate) };
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
 * @param {(window: Float32Array) => Promise<Float32Array>} score a window's `successor`, [slots * slots]
 */
export async function joinScores(waves, gap, layout, score) {
  const missing = round(gap * layout.rate);
  const tails = waves.map((wave) => placed(wave, missing, layout, true));
  const heads = waves.map((wave) => placed(wave, missing, layout, false));
  const alike = tails.every((tail, i) => tail.every((value, j) => value === heads[i][j]));
  const [total, seen] = [zeros(waves.length), zeros(waves.length)];
  for (const who of alike ? triples(waves.length) : couples(waves.length)) {
    const table = await score(packed(who, tails, heads, layout));
    for (let a = 0; a < (alike ? who.length : 1); a++) {
      for (let b = 0; b < who.length; b++) {
        if (a === b) continue;
        total[who[a]][who[b]] += table[a * layout.slots + b];
        seen[who[a]][who[b]] += 1;
      }
    }
  }
  return total.map((row, a) => row.map((sum, b) => sum / Math.max(seen[a][b], 1)));
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

/** All ordered pairs of two different pieces. */
function* couples(n) {
  for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) if (a !== b) yield [a, b];
}
