/** Files judged in this browser by the npm package: their sound stays here, only numbers go to the server. */
import { picture } from "./picture.js";

const PLACE = new URL("package/", import.meta.url);
const MOST_SECONDS = 1800;
const LIMIT = `Only files up to ${MOST_SECONDS / 60} minutes are judged backwards: cut it first.`;
const NOTE =
  "Judged in this browser, which keeps the sound: only numbers go to musicfeat listen, to find what is alike. " +
  "The file itself is sent only if you add it to the catalog.";
const ELSEWHERE = "Without --in-browser, musicfeat listen judges files itself.";

let opened = null;

/** The catalog's model; loaded once. */
function extractor(onProgress) {
  opened ??= load(onProgress);
  opened.catch(() => (opened = null));
  return opened;
}

async function load(onProgress) {
  const { Extractor } = await import(new URL("musicfeat/index.js", PLACE));
  const [model, runtime] = ["model.onnx", "onnxruntime-web/"].map((name) => new URL(name, PLACE));
  return Extractor.load({ model, runtime, onProgress });
}

/**
 * @param {object} api
 * @param {{hop: number}} settings of the catalog: seconds from one window to the next
 * @returns {object} a way to judge files, as `byServer` of analyse.js
 */
export function byBrowser(api, { hop }) {
  return {
    note: NOTE,
    async judge(file, { signal, say }) {
      const options = { hop, signal, onProgress: (news) => signal.aborted || say(told(news)) };
      const model = await extractor(options.onProgress).catch((error) => {
        throw new Error(`${error.message} ${ELSEWHERE}`);
      });
      signal.throwIfAborted();
      const { sample_rate: sampleRate } = model.card;
      let sound;
      const features = await model.extract(file, { ...options, onWave: (wave) => (sound = wave) });
      const cuts = await joins(model, features, () => model.continuity(sound, { ...options, sampleRate }));
      const shown = picture(sound, sampleRate, await transform());
      if (features.duration > MOST_SECONDS) sound = null;
      const data = await answered(api, model, features, file.name, signal, cuts);
      const backwards = async () => {
        if (data.note) throw new Error(data.note);
        if (!sound) throw new Error(LIMIT);
        const found = await model.extract(sound.slice().reverse(), { hop, signal, sampleRate });
        return answered(api, model, found, file.name, signal);
      };
      const add = async () => api.add((await api.analyse(file)).token);
      return { data: { ...data, picture: shown }, backwards, add };
    },
  };
}

function told({ stage, done, total }) {
  if (stage === "load") return `Loading the model… ${percent(done, total)}`;
  return stage === "decode" ? "Decoding…" : `Listening… ${percent(done, total)}`;
}

function percent(done, total) {
  return `${Math.floor((100 * done) / total)} %`;
}

/** Cuts that models without curves hear by their joins, a list of [seconds, P(cut)]; none in less than a window. */
async function joins({ card, window }, { cutCurve, duration }, continuity) {
  const apt = !cutCurve && card.outputs.includes("successor") && duration > window;
  return apt ? (await continuity()).edits() : [];
}

/** The Fourier transform of the package. */
async function transform() {
  return (await import(new URL("musicfeat/lib/fft.js", PLACE))).FFT;
}

/** The fields of /api/analyse, but for the picture: what the server adds to the features, from numbers alone. */
async function answered(api, { card }, features, name, signal, cuts = []) {
  const { starts, ends, reversal, jigsaw, duration, reversed, labels, tagCurve } = features;
  const { cutTimes, cutCurve, reversalTimes, reversalCurve } = features;
  const step = (output) => card.curves?.[output]?.[0];
  const curves = {
    cut: cutCurve && { times: short(cutTimes), values: short(cutCurve), step: step("cut") },
    backwards: reversalCurve && { times: short(reversalTimes), values: short(reversalCurve), step: step("backwards") },
  };
  const numbers = { starts, ends, reversal, curves, cuts, embedding: Array.from(features.embedding) };
  const found = await api.features({ weights_sha256: card.weights_sha256, ...numbers }, signal);
  const tags = Object.fromEntries(tagCurve ? labels.map((label, i) => [label, tagCurve.map((row) => row[i])]) : []);
  return { id: null, name, duration, reversed, starts, ends, reversal, jigsaw, tags, ...found };
}

/** Numbers with six decimals. */
function short(values) {
  return Array.from(values, (value) => Math.round(1e6 * value) / 1e6);
}
