// Calls rules of the package and the page for test_rules.py: [[name, ...arguments], ...] in, [result, ...] out,
// both JSON.
import { readFileSync } from "node:fs";
import { readCard } from "../../../runtime/web/lib/card.js";
import { MusicfeatError } from "../../../runtime/web/lib/errors.js";
import { Features, features, poolProbability, rowOf } from "../../../runtime/web/lib/features.js";
import { round } from "../../../runtime/web/lib/numbers.js";
import { keepOutputs } from "../../../runtime/web/lib/onnx_file.js";
import { bestOrder, logPartition, mostProbable, pathScore } from "../../../runtime/web/lib/order.js";
import { declaredRate } from "../../../runtime/web/lib/rate.js";
import { resample } from "../../../runtime/web/lib/resample.js";
import { asChannels, mixed } from "../../../runtime/web/lib/sound.js";
import { stretches } from "../../../runtime/web/lib/stretches.js";
import { count, cut, levelled, poolingWeights } from "../../../runtime/web/lib/windows.js";
import { spectrogram } from "../../../runtime/web/spectrogram.js";

const wave = (values) => Float32Array.from(values);
const bytes = (path, size, begin = 0) => Uint8Array.from(readFileSync(path).subarray(begin, size));

const rules = {
  cut(values, window, hop) {
    const windows = [...cut(wave(values), window, hop)];
    const plain = windows.map((w) => ({ ...w, samples: [...w.samples] }));
    return { count: count(values.length, window, hop), windows: plain };
  },
  silent: (values, valid) => rowOf({ samples: wave(values), start: 0, valid }).silent,
  levelled: (values) => [...levelled(wave(values))],
  poolingWeights,
  poolProbability,
  features: (card, hop, rows, values) => new Features(features(card, hop, rows, values)).toJSON(),
  sound: (channels, rate) => [...mixed(asChannels(channels.map(wave), rate).channels)],
  mix: (channels) => [...mixed(channels.map(wave))],
  resample: (values, sr, rate) => [...resample(wave(values), sr, rate)],
  declaredRate: (path, size) => declaredRate(bytes(path, size ?? undefined).buffer),
  readCard: (path, size, begin) => readCard(bytes(path, size ?? undefined, begin)),
  keepOutputs: (path, names) => [...keepOutputs(bytes(path), new Set(names))],
  round: (values) => values.map(round),
  order: (scores) => [bestOrder(scores), pathScore(scores, bestOrder(scores)), logPartition(scores, bestOrder(scores))],
  mostProbable,
  stretches,
  spectrogram(values, rate, columns, rows) {
    const picture = spectrogram(wave(values), rate, columns, rows);
    return { ...picture, levels: [...picture.levels] };
  },
};

const results = JSON.parse(readFileSync(0, "utf8")).map(([name, ...values]) => {
  try {
    return rules[name](...values);
  } catch (error) {
    if (error instanceof MusicfeatError) return { refused: error.message };
    throw error;
  }
});
process.stdout.write(JSON.stringify(results));
