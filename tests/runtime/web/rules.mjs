// Calls rules of the page for test_rules.py: [[name, ...arguments], ...] in, [result, ...] out, both JSON.
import { readFileSync } from "node:fs";
import { mix } from "../../../runtime/web/audio.js";
import { readCard } from "../../../runtime/web/card.js";
import { PageError } from "../../../runtime/web/errors.js";
import { features, poolProbability, rowOf } from "../../../runtime/web/features.js";
import { declaredRate } from "../../../runtime/web/rate.js";
import { resample } from "../../../runtime/web/resample.js";
import { spectrogram } from "../../../runtime/web/spectrogram.js";
import { count, cut, levelled, poolingWeights } from "../../../runtime/web/windows.js";

const wave = (values) => Float32Array.from(values);
const bytes = (path, size, begin = 0) => Uint8Array.from(readFileSync(path).subarray(begin, size));

const rules = {
  cut(values, window, hop) {
    const windows = [...cut(wave(values), window, hop)];
    return { count: count(values.length, window, hop), windows: windows.map((w) => ({ ...w, samples: [...w.samples] })) };
  },
  silent: (values, valid) => rowOf({ samples: wave(values), start: 0, valid }).silent,
  levelled: (values) => [...levelled(wave(values))],
  poolingWeights,
  poolProbability,
  features,
  mix: (channels) => [...mix(channels.map(wave), "sound.wav")],
  resample: (values, sr, rate) => [...resample(wave(values), sr, rate)],
  declaredRate: (path, size) => declaredRate(bytes(path, size ?? undefined).buffer),
  readCard: (path, size, begin) => readCard(bytes(path, size ?? undefined, begin)),
  spectrogram(values, rate, columns, rows) {
    const picture = spectrogram(wave(values), rate, columns, rows);
    return { ...picture, levels: [...picture.levels] };
  },
};

const results = JSON.parse(readFileSync(0, "utf8")).map(([name, ...values]) => {
  try {
    return rules[name](...values);
  } catch (error) {
    if (error instanceof PageError) return { refused: error.message };
    throw error;
  }
});
process.stdout.write(JSON.stringify(results));
