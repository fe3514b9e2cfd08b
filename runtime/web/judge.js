/** The page's side of the worker: opens the model, judges one recording at a time. */
import { decode } from "./audio.js";
import { PageError } from "./errors.js";
import { offlineWorker } from "./offline.js";

export class Judge {
  /** @param {URL} model of the ONNX file */
  constructor(model) {
    this.url = model;
    this.#start();
  }

  /** The model's card, once it is loaded. */
  get card() {
    return this.opened;
  }

  /**
   * Everything found in a file. A file that is still in work is given up: its promise never ends.
   * @param {File} file
   * @param {number} windowsPerWindow how many windows begin within one
   * @param {{picture: Function, progress: Function}} on told of what is there before the end
   * @returns {Promise<object>} the features with the file, the model, the rates and the seconds that it took
   * @throws {PageError}
   */
  async judge(file, windowsPerWindow, on) {
    if (this.busy) this.#start();
    this.busy = true;
    const worker = this.worker;
    try {
      const card = await this.opened;
      const begin = performance.now();
      const { channels, sr, declared } = await decode(file);
      const decoding = (performance.now() - begin) / 1000;
      const hop = Math.max(1, Math.round(card.window / windowsPerWindow));
      const job = { kind: "judge", name: file.name, channels, sr, hop };
      const { features, duration, seconds } = await this.#ask(worker, job, channels.map(({ buffer }) => buffer), on);
      const total = (performance.now() - begin) / 1000;
      return {
        file: file.name,
        model: { name: card.name, version: card.version, weights_sha256: card.weights_sha256 },
        sr,
        sr_declared: declared,
        sample_rate: card.sample_rate,
        window: card.window / card.sample_rate,
        hop: hop / card.sample_rate,
        duration,
        seconds: { decode: decoding, ...seconds, total },
        ...features,
      };
    } finally {
      if (worker === this.worker) this.busy = false;
    }
  }

  #start() {
    this.worker?.terminate();
    this.worker = offlineWorker(new URL("worker.js", import.meta.url));
    this.opened = this.#ask(this.worker, { kind: "open", url: this.url.href }, [], {}).then(({ card }) => card);
    this.opened.catch(() => {}); // Told to whoever asks for the card.
  }

  /** Resolves with the message that ends a task. */
  #ask(worker, task, transferred, on) {
    return new Promise((resolve, reject) => {
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new PageError(`The page's worker failed to run: ${event.message ?? "is onnxruntime-web installed?"}`));
      };
      worker.onmessage = ({ data }) => {
        if (data.kind === "failed") reject(new PageError(data.message));
        else if (data.kind in on) on[data.kind](data);
        else if (data.kind === "opened" || data.kind === "judged") resolve(data);
      };
      worker.postMessage(task, transferred);
    });
  }
}
