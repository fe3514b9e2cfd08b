/** The page's use of the package: one recording at a time, with a picture drawn in parallel. */
import { offlineWorker } from "./offline.js";
import { Extractor } from "./index.js";

const at = (module) => offlineWorker(new URL(module, import.meta.url));

export class Judge {
  /** The model's card, once it is loaded; repeated requests load it only once. */
  get card() {
    this.extractor ??= Extractor.load({ worker: () => at("lib/worker.js") });
    return this.extractor.then(({ card }) => card);
  }

  /**
   * Results for a file. A file still in work is given up: its promise is rejected as aborted.
   * @param {File} file
   * @param {number} windowsPerWindow number of windows that begin within one
   * @param {{picture: Function, progress: Function}} on called with results that are ready before the end
   * @returns {Promise<object>} the features with the file, the model, the rates and the seconds taken
   */
  async judge(file, windowsPerWindow, on) {
    this.control?.abort();
    const { signal } = (this.control = new AbortController());
    const card = await this.card;
    const extractor = await this.extractor;
    const hop = Math.max(1, Math.round(card.window / windowsPerWindow)) / card.sample_rate;
    const onProgress = (news) => news.stage === "model" && !signal.aborted && on.progress(news);
    const onWave = (wave) => drawn(wave, card.sample_rate).then((found) => signal.aborted || on.picture(found));
    const found = await extractor.extract(file, { hop, signal, onProgress, onWave });
    signal.throwIfAborted();
    return {
      file: file.name,
      model: { name: card.name, version: card.version, weights_sha256: card.weights_sha256 },
      device: extractor.device,
      threads: extractor.threads,
      sr: found.sampleRate,
      sr_declared: found.rateDeclared,
      sample_rate: card.sample_rate,
      window: extractor.window,
      hop,
      duration: found.duration,
      seconds: found.seconds,
      ...found.toJSON(),
    };
  }
}

/** A spectrogram of [samples], made in a thread of its own. */
function drawn(wave, rate) {
  return new Promise((resolve) => {
    const worker = at("picture.js");
    worker.onmessage = ({ data }) => {
      worker.terminate();
      resolve(data);
    };
    worker.postMessage({ wave, rate }, [wave.buffer]);
  });
}
