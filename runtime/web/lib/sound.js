/** Sound in memory: checked and mixed to mono as in `musicfeat/sound/waveform.py`. */
import { AudioError, InputError } from "./errors.js";

const MAX_CHANNELS = 64;
const [MIN_RATE, MAX_RATE] = [1000, 1536000];
const STRETCH = 2 ** 15; // Samples that are mixed in one way.
const LEFT = 0.02; // The least share of two channels' power in their mean; below it, one is inverted.
const LOUDEST = 1e30; // Resampling and summing stay finite up to here.
const FULL_SCALE = new Map([[Float32Array, 1], [Float64Array, 1], [Int16Array, 2 ** 15], [Int32Array, 2 ** 31]]);

/**
 * @param {AudioBuffer | ArrayLike<number> | ArrayLike<number>[]} audio samples, or channels of equal length
 * @param {number} [sampleRate] Hz; omitted for an AudioBuffer, which has its own
 * @returns {{channels: ArrayLike<number>[], sampleRate: number}}
 * @throws {InputError} the shape or type is wrong, or there is no usable rate
 */
export function asChannels(audio, sampleRate) {
  if (typeof audio?.getChannelData === "function") {
    const channels = Array.from({ length: audio.numberOfChannels }, (_, i) => audio.getChannelData(i));
    return { channels: checkedChannels(channels), sampleRate: checkedRate(audio.sampleRate) };
  }
  const rate = checkedRate(sampleRate);
  return { channels: checkedChannels(isSamples(audio) ? [audio] : audio), sampleRate: rate };
}

/** The rate if it is a valid whole number of Hz; throws an InputError otherwise. */
export function checkedRate(rate) {
  if (rate === undefined || rate === null) {
    throw new InputError("sampleRate is missing: pass the samples' rate in Hz, for instance { sampleRate: 44100 }");
  }
  if (!(Number.isInteger(rate) && MIN_RATE <= rate && rate <= MAX_RATE)) {
    throw new InputError(`sampleRate must be a whole number of Hz from ${MIN_RATE} to ${MAX_RATE}, got ${shown(rate)}`);
  }
  return rate;
}

/**
 * The mean of channels, scaled from integers, or for stretches in which they cancel the first channel that sounds; new
 * samples, or the only channel itself.
 * @throws {InputError} the channels contain NaN or infinity
 */
export function mixed(channels) {
  const alone = channels.length === 1 && channels[0] instanceof Float32Array;
  const mono = alone ? channels[0] : new Float32Array(channels[0].length);
  if (!alone) for (let begin = 0; begin < mono.length; begin += STRETCH) mixStretch(channels, mono, begin);
  for (let i = 0; i < mono.length; i++) if (!(Math.abs(mono[i]) <= LOUDEST)) throw infinite();
  return mono;
}

function mixStretch(channels, mono, begin) {
  const end = Math.min(begin + STRETCH, mono.length);
  const scale = 1 / (FULL_SCALE.get(channels[0].constructor) ?? 1);
  const sums = new Float64Array(end - begin);
  const powers = channels.map((channel) => {
    let power = 0;
    for (let i = begin; i < end; i++) {
      const value = channel[i] * scale;
      sums[i - begin] += value;
      power += value * value;
    }
    return power;
  });
  let power = 0;
  for (let i = begin; i < end; i++) power += (mono[i] = sums[i - begin] / channels.length) ** 2;
  const mean = powers.reduce((sum, one) => sum + one, 0) / channels.length;
  if (channels.length === 1 || !(power < (mean * LEFT * 2) / channels.length)) return;
  const chosen = channels[powers.findIndex((one) => one >= mean / 2)];
  for (let i = begin; i < end; i++) mono[i] = chosen[i] * scale;
}

/** The first and last `size` samples of a long waveform, joined; a short one whole. */
export function ends(wave, size) {
  if (wave.length <= 2 * size) return wave;
  const joined = new Float32Array(2 * size);
  joined.set(wave.subarray(0, size));
  joined.set(wave.subarray(wave.length - size), size);
  return joined;
}

/** Throws an AudioError for less than a window of sound. */
export function checkWindow(wave, card) {
  if (wave.length >= card.window) return;
  throw new AudioError(`continuity needs at least a window of ${card.window / card.sample_rate} s of sound`);
}

function checkedChannels(channels) {
  if (!Array.isArray(channels) || !channels.length || !channels.every(isSamples)) {
    const kinds = "an AudioBuffer, Float32Array, Float64Array, Int16Array or Int32Array, or channels of these";
    throw new InputError(`audio must be ${kinds}, got ${shown(channels)}`);
  }
  if (channels.length > MAX_CHANNELS) {
    throw new InputError(`${channels.length} channels: expected an array of channels, each of samples`);
  }
  const [{ length, constructor }] = channels;
  if (!length) throw new InputError("audio is empty: at least one sample is needed");
  if (channels.some((channel) => channel.length !== length || channel.constructor !== constructor)) {
    throw new InputError("audio's channels must be of one type and equally long");
  }
  return channels;
}

function isSamples(audio) {
  return FULL_SCALE.has(audio?.constructor) || (Array.isArray(audio) && typeof audio[0] === "number");
}

function infinite() {
  const mend = "replace them";
  return new InputError(`audio holds NaN or infinite values, or some beyond ${LOUDEST}: ${mend}`);
}

function shown(value) {
  return typeof value === "object" && value !== null ? value.constructor?.name ?? "an object" : String(value);
}
