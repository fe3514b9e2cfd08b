/** The picture of a recording, drawn in this browser, in the form of /api/tracks/ID/picture; for display alone. */
import { mel, RANGE } from "./curves.js";
import { text } from "./sheet.js";
import { peaks } from "./sound.js";

const COLUMNS = 1200;
const BANDS = 64;
const DECIBELS = 60;
const FRAMES = 21; // a second's worth of frames that do not overlap
const LEAST = 1e-12;

/**
 * @param {Float32Array} wave at `rate`
 * @param {number} rate in Hz
 * @param {Function} FFT of the package
 */
export function picture(wave, rate, FFT) {
  const size = 2 ** Math.round(Math.log2(rate / FRAMES));
  const frames = Math.max(1, Math.min(COLUMNS, Math.floor((2 * wave.length) / size)));
  const power = powers(wave, rate, frames, new FFT(size));
  return {
    duration: wave.length / rate,
    frames,
    bands: BANDS,
    spectrogram: text(levels(power)),
    peaks: text(new Uint8Array(peaks([wave], frames).buffer)),
  };
}

/** Power [frames, BANDS], low bands first, of two pieces of each frame, which are transformed as one complex signal. */
function powers(wave, rate, frames, fft) {
  const { size } = fft;
  const hann = Float64Array.from({ length: size }, (_, i) => (1 - Math.cos((2 * Math.PI * i) / size)) / size);
  const bands = Array.from({ length: size / 2 }, (_, k) => band((k * rate) / size));
  const [re, im, power] = [new Float64Array(size), new Float64Array(size), new Float64Array(frames * BANDS)];
  const fill = (part, place) => {
    const first = Math.round((place / frames) * wave.length - size / 2);
    for (let i = 0; i < size; i++) part[i] = hann[i] * (wave[first + i] ?? 0);
  };
  for (let frame = 0; frame < frames; frame++) {
    fill(re, frame + 0.25);
    fill(im, frame + 0.75);
    fft.transform(re, im);
    bands.forEach((b, k) => {
      if (b < 0 || b >= BANDS) return;
      const mirror = (size - k) % size;
      power[frame * BANDS + b] += (re[k] ** 2 + im[k] ** 2 + re[mirror] ** 2 + im[mirror] ** 2) / 2;
    });
  }
  return power;
}

/** The number of a frequency's band, outside of 0 to BANDS - 1 if it is not drawn. */
function band(hertz) {
  const [low, high] = RANGE.map(mel);
  return Math.floor((BANDS * (mel(hertz) - low)) / (high - low));
}

function levels(power) {
  const loudest = power.reduce((most, value) => Math.max(most, value), LEAST);
  return Uint8Array.from(power, (value) => {
    if (value <= LEAST) return 0;
    return Math.max(0, Math.round(255 * (1 + (10 * Math.log10(value / loudest)) / DECIBELS)));
  });
}
