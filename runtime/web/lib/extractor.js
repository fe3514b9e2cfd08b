/** The entry point: findings from a waveform or a file. */
import { decode } from "./audio.js";
import { Continuity } from "./continuity.js";
import { Core } from "./core.js";
import { inNode } from "./devices.js";
import { InputError } from "./errors.js";
import { Features } from "./features.js";
import { Remote } from "./remote.js";
import { asChannels } from "./sound.js";

export class Extractor {
  #core;

  /**
   * Open a model, by default the bundled one; see index.d.ts for the options.
   * @returns {Promise<Extractor>}
   */
  static async load({ worker = !inNode, onProgress, ...options } = {}) {
    const hooks = { progress: onProgress };
    const plain = Object.fromEntries(
      Object.entries(options).map(([name, value]) => [name, value instanceof URL ? value.href : value]),
    );
    return new Extractor(await (worker ? Remote.open(plain, hooks, worker) : Core.open(plain, hooks)));
  }

  /** Use `Extractor.load`. */
  constructor(core) {
    this.#core = core;
    Object.assign(this, core.facts);
  }

  get window() {
    return this.card.window / this.card.sample_rate;
  }

  /** All findings for a recording. */
  async extract(audio, options = {}) {
    const { hop, onWave } = options;
    const begin = performance.now();
    const { rateDeclared, ...sound } = await this.#sound(audio, options);
    const decode = (performance.now() - begin) / 1000;
    const found = await this.#core.extract({ ...sound, hop, wave: Boolean(onWave) }, hooksOf(options));
    const seconds = { decode, ...found.seconds, total: (performance.now() - begin) / 1000 };
    return new Features({ ...found, rateDeclared, seconds });
  }

  /** One P(plays backwards) for a whole clip. */
  async reversed(audio, options = {}) {
    return (await this.extract(audio, options)).reversed;
  }

  /** Put pieces of one recording in playing order. */
  async order(pieces, options = {}) {
    if (!Array.isArray(pieces)) throw new InputError(`order takes an array of pieces, got ${typeof pieces}`);
    const { gap = 0 } = options;
    const sounds = await Promise.all(pieces.map((piece) => this.#sound(piece, options)));
    const transfer = sounds.flatMap((sound) => sound.transfer);
    const plain = sounds.map(({ channels, sampleRate: rate }) => ({ channels, sampleRate: rate }));
    return this.#core.order({ pieces: plain, gap, transfer }, hooksOf(options));
  }

  /** Continuity of a recording of at least one window, and cuts in it. */
  async continuity(audio, options = {}) {
    return new Continuity(await this.#core.continuity(await this.#sound(audio, options), hooksOf(options)));
  }

  /** Free the model's memory and end its worker, if there is one. */
  close() {
    return this.#core.close();
  }

  /** Channels; those of a decoded file are transferred without a copy. */
  async #sound(audio, { sampleRate, onProgress }) {
    if (!(globalThis.Blob && audio instanceof Blob)) {
      return { ...asChannels(audio, sampleRate), rateDeclared: true, transfer: [] };
    }
    onProgress?.({ stage: "decode", done: 0, total: 1 });
    const { channels, ...rates } = await decode(audio);
    return { channels, ...rates, transfer: channels.map(({ buffer }) => buffer) };
  }
}

function hooksOf({ signal, onProgress, onWave }) {
  return { signal, progress: onProgress, wave: onWave };
}
