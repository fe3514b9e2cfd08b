/** ONNX Runtime behind one door: the model file opened, its card read, windows in, outputs out. */
import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { readCard } from "./card.js";
import { PageError } from "./errors.js";
import { levelled } from "./windows.js";

const LEFT_OUT = ["frames", "successor"]; // As in musicfeat/extractor.py: they are large, and only asked for by name.

// A page from a plain web server may not share memory between threads.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;
ort.env.logLevel = "error";

export class Model {
  /**
   * @param {string} url of an ONNX file
   * @throws {PageError} it is not there, or not a musicfeat model that runs here
   */
  static async open(url) {
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) {
      const answer = response ? `HTTP ${response.status}` : "no answer";
      throw new PageError(`The model cannot be loaded from ${url} (${answer}).`);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    const card = readCard(bytes);
    try {
      return new Model(await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] }), card);
    } catch (error) {
      throw new PageError(`The model cannot be run here: ${String(error.message).split("\n")[0]}`);
    }
  }

  constructor(session, card) {
    this.card = card;
    this.outputs = card.outputs.filter((name) => !LEFT_OUT.includes(name));
    this.session = session;
    const missing = this.outputs.filter((name) => !session.outputNames.includes(name));
    if (missing.length || String(session.inputNames) !== "waveform") {
      throw new PageError(`The model's graph does not match its card: it lacks ${missing.join(", ") || "waveform"}.`);
    }
  }

  /**
   * @param {Float32Array} samples [window], any level
   * @returns {Promise<Object<string, number[]>>} the row of each output
   */
  async run(samples) {
    const heard = this.card.level_matters ? samples : levelled(samples);
    const waveform = new ort.Tensor("float32", heard, [1, samples.length]);
    const found = await this.session.run({ waveform }, this.outputs);
    return Object.fromEntries(this.outputs.map((name) => [name, Array.from(found[name].data)]));
  }
}
