/** Continuity of a recording, and cuts in it: the rules of `musicfeat/sequence/continuity.py`. */
import { logistic } from "./numbers.js";
import { checkWindow } from "./sound.js";

const STEPS = 14;
const APART_SECONDS = 2;

/** Evidence that the music is continuous, at each of T times; see index.d.ts. */
export class Continuity {
  /** @param {{times: number[], evidence: number[]}} found */
  constructor({ times, evidence }) {
    this.times = times;
    this.evidence = evidence;
  }

  get probability() {
    return this.evidence.map((nats) => logistic(Math.min(Math.max(nats, -50), 50)));
  }

  edits(least = 0.5) {
    const suspicion = this.probability.map((p) => 1 - p);
    const found = [];
    for (const i of [...suspicion.keys()].sort((a, b) => suspicion[b] - suspicion[a])) {
      if (suspicion[i] < least) break;
      if (found.every(([time]) => Math.abs(this.times[i] - time) >= APART_SECONDS)) {
        found.push([this.times[i], suspicion[i]]);
      }
    }
    return found.sort((a, b) => a[0] - b[0]);
  }
}

/**
 * @param {Float32Array} wave at the model's rate
 * @param {object} card of the model
 * @param {(window: Float32Array, share: number) => Promise<Float32Array>} score a window's `successor`, as a table
 * @returns {Promise<{times: number[], evidence: number[]}>}
 */
export async function continuity(wave, card, score) {
  checkWindow(wave, card);
  const { pieces, window } = card;
  const step = Math.floor(Math.floor(window / pieces) / STEPS);
  const windows = Math.floor((wave.length - window) / step) + 1;
  const places = pieces - 1;
  const [total, seen] = [Array(windows + STEPS * (places - 1)).fill(0), Array(windows + STEPS * (places - 1)).fill(0)];
  for (let i = 0; i < windows; i++) {
    const table = await score(wave.slice(i * step, i * step + window), (i + 1) / windows);
    for (let place = 0; place < places; place++) {
      total[STEPS * place + i] += table[place * pieces + place + 1];
      seen[STEPS * place + i] += 1;
    }
  }
  const reached = [...total.keys()].filter((i) => seen[i]);
  const seconds = step / card.sample_rate;
  return { times: reached.map((i) => seconds * (STEPS + i)), evidence: reached.map((i) => total[i] / seen[i]) };
}
