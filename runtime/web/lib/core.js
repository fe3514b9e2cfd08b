/** The processing, in any thread: channels to mono, to the model's rate, to windows, to findings. */
import { continuity, heard } from "./continuity.js";
import { CURVES } from "./curves.js";
import { InputError, ModelError } from "./errors.js";
import { features, rowOf } from "./features.js";
import { checkPieces, gapCandidates, joinScores, layoutOf } from "./joins.js";
import { round } from "./numbers.js";
import { mostProbable } from "./order.js";
import { resample } from "./resample.js";
import { Session } from "./session.js";
import { checkedRate, ends, mixed } from "./sound.js";
import { count, cut } from "./windows.js";

const LARGE = ["successor", "frames"]; // Run only on request, as in musicfeat/extractor.py.

export class Core {
  /** @param {object} options of `Extractor.load` @param {object} hooks */
  static async open(options, hooks = {}) {
    const bytes = (loaded, total) => hooks.progress?.({ stage: "load", done: loaded, total });
    return new Core(await Session.open(options, bytes), options);
  }

  constructor(session, { outputs }) {
    this.session = session;
    const left = outputs ? ["successor"] : LARGE;
    this.outputs = session.outputs.filter((name) => !left.includes(name));
  }

  get facts() {
    const { card, device, threads, outputs } = this.session;
    return { card, device, threads, outputs };
  }

  /** @param {{channels: object[], sampleRate: number, hop?: number, wave?: boolean}} sound @param {object} hooks */
  async extract({ channels, sampleRate, hop, wave: wanted }, hooks) {
    const { card } = this.session;
    const step = hopSamples(hop, card);
    const [wave, resampling] = timed(() => resample(mixed(channels), checkedRate(sampleRate), card.sample_rate));
    if (wanted) hooks.wave?.(wave.slice());
    const begin = performance.now();
    const [rows, values] = [[], Object.fromEntries(this.outputs.map((name) => [name, []]))];
    const total = count(wave.length, card.window, step);
    for (const window of cut(wave, card.window, step)) {
      const row = await this.session.run(window.samples, this.outputs);
      rows.push(rowOf(window));
      for (const name of this.outputs) values[name].push(row[name]);
      await between(hooks, { stage: "model", done: rows.length, total });
    }
    const seconds = { resample: resampling, model: (performance.now() - begin) / 1000 };
    return { ...features(card, step, rows, values), sampleRate, seconds };
  }

  async order({ pieces, gap }, hooks) {
    this.#require("successor");
    const layout = layoutOf(this.session.card, this.session.outputs);
    const gaps = gapCandidates(gap, layout);
    const waves = pieces.map((piece) => ends(this.#heard(piece), layout.longest));
    checkPieces(waves, layout);
    const outputs = ["successor", ...(layout.moments ? ["cut"] : [])];
    const tables = [];
    for (const each of gaps) {
      tables.push(await joinScores(waves, each, layout, (window) => this.session.run(window, outputs)));
      await between(hooks, { stage: "model", done: tables.length, total: gaps.length });
    }
    return mostProbable(gaps, tables);
  }

  async continuity(sound, hooks) {
    const curves = CURVES.filter((name) => this.session.outputs.includes(name));
    const has = curves.includes("cut");
    this.#require(has ? "cut" : "successor");
    const run = has ? (window) => this.session.run(window, curves) : (window) => this.#successor(window);
    return (has ? heard : continuity)(this.#heard(sound), this.session.card, async (window, share) => {
      const found = await run(window);
      await between(hooks, { stage: "model", done: share, total: 1 });
      return found;
    });
  }

  close() {
    return this.session.close();
  }

  #heard({ channels, sampleRate }) {
    return resample(mixed(channels), checkedRate(sampleRate), this.session.card.sample_rate);
  }

  async #successor(window) {
    return (await this.session.run(window, ["successor"])).successor;
  }

  #require(output) {
    const { card, outputs } = this.session;
    if (outputs.includes(output)) return;
    throw new ModelError(`model ${card.name}, as opened, has no ${output}, only ${outputs.join(", ")}`);
  }
}

/** A pause between two steps of work: reports progress, lets messages in, and stops on request. */
async function between({ progress, signal }, news) {
  progress?.(news);
  await new Promise((resolve) => breath(resolve));
  signal?.throwIfAborted();
}

const { port1, port2 } = new MessageChannel();
const waiting = [];
port2.onmessage = () => {
  waiting.shift()();
  if (!waiting.length) port2.unref?.(); // In Node, an open port keeps the process alive.
};
port2.unref?.();

/** One turn of the event loop; timers would wait 4 ms in a browser. */
function breath(resolve) {
  waiting.push(resolve);
  port2.ref?.();
  port1.postMessage(null);
}

function hopSamples(hop, card) {
  if (hop === undefined || hop === null) return card.hop;
  if (typeof hop !== "number" || !Number.isFinite(hop)) {
    throw new InputError(`hop must be a number of seconds, got ${hop}`);
  }
  const samples = round(hop * card.sample_rate);
  if (samples >= 1 && samples <= card.window) return samples;
  const window = card.window / card.sample_rate;
  throw new InputError(`hop must be above 0 and at most the window of ${window} s, got ${hop}`);
}

function timed(work) {
  const begin = performance.now();
  const result = work();
  return [result, (performance.now() - begin) / 1000];
}
