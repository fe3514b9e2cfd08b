/**
 * Band-limited resampling with Kaiser-windowed sincs, compared in the tests with soxr's quality "HQ", which the Python
 * runtime uses: flat up to 0.914 of the lower Nyquist frequency, nothing above it.
 *
 * Rates of a simple ratio use an FFT (overlap-save): a block's spectrum is weighted, cut or extended, and
 * transformed back at the other rate. For other rates, a low-pass (downwards) allows a short kernel to
 * interpolate between the samples; upwards, the one kernel is long.
 */
import { FFT, largestFactor } from "./fft.js";

const PASS = 0.914;
const ATTENUATION = 132; // dB
const LEAST_BLOCK = 4096;
const MOST_BLOCK = 1 << 17;
const LARGEST_FACTOR = 13;

/**
 * @param {Float32Array} wave [samples] at `sr`
 * @param {number} sr whole Hz
 * @param {number} rate whole Hz
 * @returns {Float32Array} [round(samples * rate / sr), at least 1] at `rate`, the first sample at the same time
 */
export function resample(wave, sr, rate) {
  if (sr === rate) return wave;
  const nyquist = Math.min(sr, rate) / 2 / sr;
  const length = Math.max(1, Math.round((wave.length * rate) / sr));
  const band = kernel(PASS * nyquist, nyquist);
  const blocks = blockSizes(band.half, sr, rate);
  if (blocks) return bySpectrum(wave, band, blocks, length);
  if (sr < rate) return interpolate(padded(wave, band.half), band, sr, rate, length);
  const short = kernel(nyquist, 1 - nyquist);
  return interpolate(lowpass(wave, band, short.half), short, sr, rate, length);
}

/** Integer sizes of a block and its margins at both rates; null if they would be large or hard to transform. */
function blockSizes(half, sr, rate) {
  const divisor = greatestCommonDivisor(sr, rate);
  const [from, to] = [sr / divisor, rate / divisor];
  if (Math.max(largestFactor(from), largestFactor(to)) > LARGEST_FACTOR) return null;
  const margin = Math.ceil(half / from) * from;
  let times = 2;
  while (times * from < Math.max(LEAST_BLOCK, 8 * margin)) times *= 2;
  if (times * Math.max(from, to) > MOST_BLOCK) return null;
  return { from: times * from, to: times * to, margin, marginTo: (margin / from) * to };
}

/** Resampling by FFT, two blocks at a time as real and imaginary part, which the real kernel keeps separate. */
function bySpectrum(wave, { at }, { from, to, margin, marginTo }, length) {
  const [forward, backward] = [new FFT(from), new FFT(to)];
  const weights = zeroPhase(forward, margin, at);
  const [block, blockTo, kept] = [from - 2 * margin, to - 2 * marginTo, Math.min(from, to) / 2];
  const [re, im] = [new Float64Array(from), new Float64Array(from)];
  const [toRe, toIm] = [new Float64Array(to), new Float64Array(to)];
  const result = new Float32Array(length);
  for (let start = 0, place = 0; place < length; start += 2 * block, place += 2 * blockTo) {
    fill(re, wave, start - margin);
    fill(im, wave, start - margin + block);
    forward.transform(re, im);
    weigh(re, toRe, weights, kept);
    weigh(im, toIm, weights, kept);
    backward.transform(toIm, toRe);
    for (const [part, begin] of [[toRe, place], [toIm, place + blockTo]]) {
      const room = Math.max(0, Math.min(blockTo, length - begin));
      if (room) result.set(part.subarray(marginTo, marginTo + room), begin);
    }
  }
  return result;
}

/** The kernel's spectrum, real with the kernel's middle at sample 0, divided by the size for the inverse transform. */
function zeroPhase(fft, margin, at) {
  const [re, im] = [new Float64Array(fft.size), new Float64Array(fft.size)];
  for (let j = -margin; j <= margin; j++) re[(j + fft.size) % fft.size] = at(j) / fft.size;
  fft.transform(re, im);
  return re;
}

/** Writes the `kept` lowest frequencies of either sign, weighted, into a spectrum of another size. */
function weigh(part, to, weights, kept) {
  const [size, sizeTo] = [part.length, to.length];
  if (sizeTo > 2 * kept) to.fill(0);
  for (let k = 0; k < kept; k++) to[k] = part[k] * weights[k];
  to[sizeTo - kept] = 0;
  for (let k = 1; k < kept; k++) to[sizeTo - k] = part[size - k] * weights[size - k];
}

/**
 * A low-pass kernel as a function of time in samples, and its half width in samples (Kaiser 1974).
 * Frequencies are in cycles per sample.
 */
function kernel(pass, stop) {
  const half = Math.ceil((ATTENUATION - 7.95) / (14.36 * (stop - pass)) / 2);
  const beta = 0.1102 * (ATTENUATION - 8.7);
  const bandwidth = pass + stop;
  const at = (t) => {
    const inside = 1 - (t / half) ** 2;
    if (inside <= 0) return 0;
    const sinc = t === 0 ? 1 : Math.sin(Math.PI * bandwidth * t) / (Math.PI * bandwidth * t);
    return (bandwidth * sinc * bessel(beta * Math.sqrt(inside))) / bessel(beta);
  };
  return { half, at };
}

/** Modified Bessel function of the first kind, order 0, by its power series. */
function bessel(x) {
  let sum = 1;
  for (let k = 1, term = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function padded(wave, margin) {
  const result = new Float32Array(wave.length + 2 * margin);
  result.set(wave, margin);
  return result;
}

/**
 * The filtered wave from `margin` samples before its start to `margin` after its end, where it rings on.
 * Two blocks at a time are real and imaginary part, which the real kernel keeps separate.
 */
function lowpass(wave, { half, at }, margin) {
  let size = LEAST_BLOCK;
  while (size < 8 * half) size *= 2;
  const fft = new FFT(size);
  const response = frequencyResponse(fft, half, at);
  const block = size - 2 * half;
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  const limited = new Float32Array(wave.length + 2 * margin);
  for (let start = 0; start < limited.length; start += 2 * block) {
    fill(re, wave, start - margin - half);
    fill(im, wave, start - margin - half + block);
    fft.transform(re, im);
    multiply(re, im, response);
    fft.transform(im, re);
    for (const [part, from] of [[re, start], [im, start + block]]) {
      const room = Math.max(0, Math.min(block, limited.length - from));
      limited.set(part.subarray(2 * half, 2 * half + room), room && from);
    }
  }
  return limited;
}

/** The kernel's transform, delayed by `half` samples and divided by the size for the inverse transform. */
function frequencyResponse(fft, half, at) {
  const [re, im] = [new Float64Array(fft.size), new Float64Array(fft.size)];
  for (let j = 0; j <= 2 * half; j++) re[j] = at(j - half) / fft.size;
  fft.transform(re, im);
  return { re, im };
}

function fill(part, wave, from) {
  const begin = Math.max(0, -from);
  const sound = wave.subarray(from + begin, Math.max(0, from + part.length));
  part.fill(0);
  if (begin < part.length) part.set(sound, begin);
}

function multiply(re, im, by) {
  for (let k = 0; k < re.length; k++) {
    const real = re[k] * by.re[k] - im[k] * by.im[k];
    im[k] = re[k] * by.im[k] + im[k] * by.re[k];
    re[k] = real;
  }
}

/**
 * Interpolation between the samples of a wave that is padded by `half` samples on both sides. Output k lies at
 * k * sr / rate; its fraction is one of `phases`, each with its row of taps.
 */
function interpolate(wave, { half, at }, sr, rate, length) {
  const divisor = greatestCommonDivisor(sr, rate);
  const [phases, step, size] = [rate / divisor, sr / divisor, 2 * half];
  const taps = new Float64Array(phases * size);
  for (let i = 0; i < taps.length; i++) taps[i] = at((i % size) - half + 1 - Math.floor(i / size) / phases);
  const result = new Float32Array(length);
  for (let k = 0, begin = 1, phase = 0; k < length; k++) {
    let sum = 0;
    for (let j = 0, tap = phase * size; j < size; j++, tap++) sum += wave[begin + j] * taps[tap];
    result[k] = sum;
    phase += step;
    begin += Math.floor(phase / phases);
    phase %= phases;
  }
  return result;
}

function greatestCommonDivisor(a, b) {
  return b ? greatestCommonDivisor(b, a % b) : a;
}
