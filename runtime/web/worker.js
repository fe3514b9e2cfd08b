/** The work beside the page: channels to mono, to the model's rate, to windows, through the model. */
import { mix } from "./audio.js";
import { PageError } from "./errors.js";
import { features, rowOf } from "./features.js";
import { Model } from "./model.js";
import { resample } from "./resample.js";
import { spectrogram } from "./spectrogram.js";
import { count, cut } from "./windows.js";

const COLUMNS = 1200;
const ROWS = 160;

let model;

const tasks = {
  async open({ url }) {
    model = await Model.open(url);
    postMessage({ kind: "opened", card: model.card });
  },

  async judge({ name, channels, sr, hop }) {
    const rate = model.card.sample_rate;
    const [wave, resampling] = timed(() => resample(mix(channels, name), sr, rate));
    const duration = wave.length / rate;
    const [picture, drawing] = timed(() => spectrogram(wave, rate, COLUMNS, ROWS));
    postMessage({ kind: "picture", picture, duration });
    const begin = performance.now();
    const found = await judged(wave, hop);
    const seconds = { resample: resampling, spectrogram: drawing, model: (performance.now() - begin) / 1000 };
    postMessage({ kind: "judged", features: found, duration, seconds });
  },
};

async function judged(wave, hop) {
  const { card, outputs } = model;
  const total = count(wave.length, card.window, hop);
  const rows = [];
  const values = Object.fromEntries(outputs.map((name) => [name, []]));
  for (const window of cut(wave, card.window, hop)) {
    const row = await model.run(window.samples);
    rows.push(rowOf(window));
    for (const name of outputs) values[name].push(row[name]);
    postMessage({ kind: "progress", done: rows.length, total });
  }
  return features(card, hop, rows, values);
}

function timed(work) {
  const begin = performance.now();
  const result = work();
  return [result, (performance.now() - begin) / 1000];
}

self.onmessage = async ({ data }) => {
  try {
    await tasks[data.kind](data);
  } catch (error) {
    const message = error instanceof PageError ? error.message : `This went wrong: ${error.message}`;
    postMessage({ kind: "failed", message });
  }
};
