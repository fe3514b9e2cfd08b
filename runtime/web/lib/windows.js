/**
 * Windows of fixed length and hop, and the level at which the model hears them: the rules of
 * `musicfeat/sound/windows.py` and of `levelled` in `musicfeat/model/session.py`, which the tests compare with this.
 */
const SILENCE = Math.fround(2e-6);
const QUIET = 2 ** -6;

/**
 * Windows of a recording that start at 0, hop, 2 hop, ... and stop with the first that reaches its end.
 * @param {Float32Array} wave [samples], at least one
 * @param {number} window samples
 * @param {number} hop samples, from 1 to `window`
 * @yields {{samples: Float32Array, start: number, valid: number}} [window] samples, zeros after the `valid` ones
 */
export function* cut(wave, window, hop) {
  for (let start = 0; start === 0 || start - hop + window < wave.length; start += hop) {
    const sound = wave.subarray(start, start + window);
    const samples = new Float32Array(window);
    samples.set(sound);
    yield { samples, start, valid: sound.length };
  }
}

/** Number of windows that `cut` yields. */
export function count(length, window, hop) {
  return length <= window ? 1 : 1 + Math.ceil((length - window) / hop);
}

/** Whether a window is inaudible, even with a constant offset. */
export function isSilent({ samples, valid }) {
  const [least, most] = range(samples.subarray(0, valid));
  return Math.fround(most - least) <= SILENCE;
}

/**
 * Number of samples that each window represents in a pooled result: its first `hop`, for the last window all.
 * @param {number[]} valid [W] sounding samples of each window
 */
export function poolingWeights(valid, hop) {
  return valid.map((samples, i) => (i === valid.length - 1 ? samples : hop));
}

/**
 * Scale a very loud or very quiet window to a peak between 1/2 and 1, by a power of two and so exactly.
 * @param {Float32Array} samples [window]
 * @returns {Float32Array} the same samples if no scaling is needed
 */
export function levelled(samples) {
  const [least, most] = range(samples);
  const peak = Math.max(most, -least);
  if (peak === 0 || (peak >= QUIET && peak <= 1 / QUIET)) return samples;
  const factor = 2 ** -exponent(peak);
  return samples.map((value) => value * factor);
}

/** The whole number e with 1/2 <= x / 2^e < 1. */
function exponent(x) {
  let e = Math.floor(Math.log2(x)) + 1;
  if (x >= 2 ** e) e += 1;
  if (x < 2 ** (e - 1)) e -= 1;
  return e;
}

/** Least and greatest sample; read by index, since an iterator takes several times as long. */
function range(samples) {
  let [least, most] = [samples[0], samples[0]];
  for (let i = 1; i < samples.length; i += 1) {
    const value = samples[i];
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}
