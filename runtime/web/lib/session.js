/** A model on a device, checked against its card: windows in, outputs out. */
import { chosenOutputs, readCard } from "./card.js";
import { devices, inNode, library } from "./devices.js";
import { DeviceError, InputError, ModelError, MusicfeatError } from "./errors.js";
import { keepOutputs } from "./onnx_file.js";
import { bundledModel, DEFAULT_MODEL } from "./places.js";
import { levelled } from "./windows.js";

const INPUT = "waveform";

export class Session {
  /**
   * @param {object} options of `Extractor.load`
   * @param {(loaded: number, total: number) => void} onBytes called while the model file arrives
   */
  static async open(options, onBytes) {
    const bytes = await modelBytes(options.model ?? DEFAULT_MODEL, onBytes);
    const card = readCard(bytes);
    const outputs = chosenOutputs(card, options.outputs);
    const graph = options.outputs ? keepOutputs(bytes, new Set(outputs)) : bytes;
    const places = await devices(options.device);
    for (const device of places) {
      try {
        return new Session(await opened(graph, device, options), card, outputs, device);
      } catch (error) {
        if (device === places.at(-1) || !(error instanceof DeviceError)) throw error;
      }
    }
  }

  constructor({ ort, session }, card, outputs, device) {
    Object.assign(this, { ort, session, card, outputs, device });
    this.threads = device === "cpu" ? null : ort.env.wasm.numThreads;
    const missing = outputs.filter((name) => !session.outputNames.includes(name));
    if (missing.length || String(session.inputNames) !== INPUT) {
      throw new ModelError(`The model's graph does not match its card: it lacks ${missing.join(", ") || INPUT}.`);
    }
  }

  /**
   * @param {Float32Array} samples [window], any level
   * @param {string[]} outputs names
   * @returns {Promise<Object<string, Float32Array>>} the row of each output
   */
  async run(samples, outputs) {
    const heard = this.card.level_matters ? samples : levelled(samples);
    const waveform = new this.ort.Tensor("float32", heard, [1, samples.length]);
    const found = await this.session.run({ [INPUT]: waveform }, outputs);
    // A copy: the library may return its own memory.
    return Object.fromEntries(outputs.map((name) => [name, Float32Array.from(found[name].data)]));
  }

  async close() {
    await this.session.release();
  }
}

async function opened(graph, device, options) {
  const ort = await library(device, options);
  const threads = device === "cpu" && options.threads ? { intraOpNumThreads: options.threads } : {};
  try {
    return { ort, session: await ort.InferenceSession.create(graph, { executionProviders: [device], ...threads }) };
  } catch (error) {
    const cause = String(error.message ?? error).split("\n")[0];
    if (device === "webgpu") throw new DeviceError(`The model cannot be run on "webgpu" here: ${cause}`);
    throw new ModelError(`The model cannot be run here: ${cause}`);
  }
}

/** @throws {ModelError} the model is missing */
async function modelBytes(model, onBytes) {
  if (model instanceof ArrayBuffer) return new Uint8Array(model);
  if (ArrayBuffer.isView(model)) return new Uint8Array(model.buffer, model.byteOffset, model.byteLength);
  if (typeof model !== "string" && !(model instanceof URL)) {
    throw new InputError(`model must be a name, a path, a URL or the bytes of a file, got ${typeof model}`);
  }
  const place = model === DEFAULT_MODEL ? bundledModel(model) : model;
  return inNode && !/^https?:/.test(String(place)) ? fromDisk(place) : fetched(place, onBytes);
}

async function fromDisk(place) {
  const { readFile } = await import("node:fs/promises");
  const path = String(place).startsWith("file:") ? new URL(place) : place;
  return readFile(path).catch((error) => {
    throw new ModelError(`no model ${String(place)}: neither a file nor a bundled model (${error.code})`);
  });
}

async function fetched(place, onBytes) {
  const response = await fetch(place).catch(() => null);
  if (!response?.ok) {
    const answer = response ? `HTTP ${response.status}` : "no answer";
    throw new ModelError(`The model cannot be loaded from ${place} (${answer}).`);
  }
  return received(response, onBytes).catch((error) => {
    throw error instanceof MusicfeatError ? error : new ModelError(`The model broke off on its way: ${error.message}`);
  });
}

async function received(response, onBytes) {
  const parts = [];
  let loaded = 0;
  const total = Number(response.headers.get("Content-Length")) || 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    loaded += value.length;
    onBytes(loaded, Math.max(total, loaded));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
