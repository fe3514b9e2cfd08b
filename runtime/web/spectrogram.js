/** A picture of a recording: power in decibels on the mel scale. It is only for display; the model makes its own. */
import { FFT } from "./lib/fft.js";

const SIZE = 2048;
const RANGE_DECIBELS = 80;
const LEAST_HERTZ = 30;

/**
 * A spectrogram whose columns are means of two Hann-windowed frames each; gaps between columns are skipped.
 * @param {Float32Array} wave [samples] at `rate`
 * @param {number} columns at most this many
 * @param {number} rows mel bands from 30 Hz to the Nyquist frequency
 * @returns {{columns: number, rows: number, levels: Uint8Array, marks: {hertz: number, place: number}[]}}
 *   levels [rows, columns], the highest frequency first: 0 to 255 for 80 dB below the loudest to the loudest; round
 *   frequencies and their places, 0 at the bottom and 1 at the top
 */
export function spectrogram(wave, rate, columns, rows) {
  const fft = new FFT(SIZE);
  const hann = Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
  const width = Math.max(1, Math.min(columns, Math.floor(wave.length / (SIZE / 4))));
  const [power, re, im] = [new Float64Array(rows * width), new Float64Array(SIZE), new Float64Array(SIZE)];
  const bands = melBands(rate, rows);
  for (let column = 0; column < width; column++) {
    windowed(re, wave, centre(wave, width, column + 0.25), hann);
    windowed(im, wave, centre(wave, width, column + 0.75), hann);
    fft.transform(re, im);
    bands.forEach((band, i) => (power[(rows - 1 - i) * width + column] = bandPower(re, im, band)));
  }
  return { columns: width, rows, levels: decibels(power), marks: frequencyMarks(rate / 2) };
}

function centre(wave, columns, place) {
  return Math.round((place / columns) * wave.length) - SIZE / 2;
}

function windowed(part, wave, from, hann) {
  for (let i = 0; i < SIZE; i++) part[i] = hann[i] * (wave[from + i] ?? 0);
}

/** Power of two real frames, transformed as real and imaginary part: |A|^2 + |B|^2 = (|Z_k|^2 + |Z_-k|^2) / 2. */
function bandPower(re, im, { first, last }) {
  let sum = 0;
  for (let k = first; k <= last; k++) {
    const mirror = (SIZE - k) % SIZE;
    sum += re[k] ** 2 + im[k] ** 2 + re[mirror] ** 2 + im[mirror] ** 2;
  }
  return sum / 2 / (last - first + 1);
}

/** First and last bin of each band, at least one bin. */
function melBands(rate, rows) {
  const [least, most] = [toMel(LEAST_HERTZ), toMel(rate / 2)];
  const bin = (i) => (toHertz(least + ((most - least) * i) / rows) * SIZE) / rate;
  return Array.from({ length: rows }, (_, i) => {
    const first = Math.round(bin(i));
    return { first, last: Math.max(first, Math.min(SIZE / 2, Math.round(bin(i + 1)) - 1)) };
  });
}

function decibels(power) {
  const loudest = power.reduce((most, value) => Math.max(most, value), 1e-20);
  return Uint8Array.from(power, (value) => {
    const below = 10 * Math.log10(Math.max(value / loudest, 1e-20));
    return Math.max(0, Math.round(255 * (1 + below / RANGE_DECIBELS)));
  });
}

function frequencyMarks(most) {
  const place = (hertz) => (toMel(hertz) - toMel(LEAST_HERTZ)) / (toMel(most) - toMel(LEAST_HERTZ));
  return [200, 500, 1000, 2000, 4000, 8000, 16000]
    .filter((hertz) => hertz < 0.95 * most)
    .map((hertz) => ({ hertz, place: place(hertz) }));
}

/** Slaney's scale (Auditory Toolbox, 1998), as in `musicfeat/sound/log_mel.py`. */
function toMel(hertz) {
  return hertz < 1000 ? (hertz * 3) / 200 : 15 + (27 * Math.log(hertz / 1000)) / Math.log(6.4);
}

function toHertz(mel) {
  return mel < 15 ? (mel * 200) / 3 : 1000 * 6.4 ** ((mel - 15) / 27);
}
