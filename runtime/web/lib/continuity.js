/** Continuity of a recording, and cuts in it: the rules of `musicfeat/sequence/continuity.py`. */
import { APART_SECONDS as CUTS_APART, logOdds, peaks, stitched } from "./curves.js";
import { logistic } from "./numbers.js";
import { heardAgain } from "./second_hearing.js";
import { checkWindow } from "./sound.js";
import { stretches } from "./stretches.js";
import { count, cut } from "./windows.js";

const STEPS = 14;
const APART_SECONDS = 2;

/** Evidence that the music is continuous, at each of T times; see index.d.ts. */
export class Continuity {
  /** @param {{times: number[], evidence: number[], apart: number, backwards: object|null}} found */
  constructor({ times, evidence, apart, backwards }) {
    Object.assign(this, { times, evidence, apart, backwards });
  }

  get probability() {
    return this.evidence.map((nats) => logistic(Math.min(Math.max(nats, -50), 50)));
  }

  edits(least = 0.5) {
    return peaks(this.times, this.#suspicion, least, this.apart);
  }

  stretches(least = 0.5) {
    return this.backwards ? stretches(this.backwards, { times: this.times, values: this.#suspicion }, least) : [];
  }

  get #suspicion() {
    return this.probability.map((p) => 1 - p);
  }
}

/**
 * Continuity by the curves of a model, in windows that overlap by half; any length will do. Windows in which the model
 * suspects a cut are heard twice.
 * @param {Float32Array} wave at the model's rate
 * @param {object} card of the model
 * @param {(window: Float32Array, share: number) => Promise<Object<string, Float32Array>>} run a window's curves
 * @returns {Promise<object>} the fields of `Continuity`
 */
export async function heard(wave, card, run) {
  const half = Math.floor(card.window / 2);
  const windows = count(wave.length, card.window, half);
  const [starts, rows] = [[], []];
  for (const { samples, start } of cut(wave, card.window, half)) {
    starts.push(start / card.sample_rate);
    const share = starts.length / windows;
    const values = await run(samples, share);
    const twice = await heardAgain(samples, values.cut, card, async (again) => (await run(again, share)).cut);
    rows.push({ ...values, cut: twice });
  }
  const end = wave.length / card.sample_rate;
  const curve = (name) => rows[0][name] && stitched(starts, rows.map((row) => row[name]), card.curves[name], end);
  const { times, values } = curve("cut");
  const evidence = values.map((p) => -logOdds(p));
  return { times, evidence, apart: CUTS_APART, backwards: curve("backwards") ?? null };
}

/**
 * @param {Float32Array} wave at the model's rate
 * @param {object} card of the model
 * @param {(window: Float32Array, share: number) => Promise<Float32Array>} score a window's `successor`, as a table
 * @returns {Promise<object>} the fields of `Continuity`
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
  const evidence = reached.map((i) => total[i] / seen[i]);
  return { times: reached.map((i) => seconds * (STEPS + i)), evidence, apart: APART_SECONDS, backwards: null };
}
