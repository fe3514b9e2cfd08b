/** A sound file to its channels, at the file's own rate. */
import { PageError } from "./errors.js";
import { declaredRate } from "./rate.js";

const FALLBACK_RATE = 48000;
const LOUDEST = 1e30; // As in musicfeat/sound/waveform.py: resampling and summing stay finite up to here.

/**
 * @param {File} file
 * @returns {Promise<{channels: Float32Array[], sr: number, declared: boolean}>} equally long channels at `sr`;
 *   whether that is the rate that the file declares, or one that the browser resampled it to
 * @throws {PageError} the file cannot be read or decoded, or holds no sound
 */
export async function decode(file) {
  if (file.size === 0) throw new PageError(`${file.name} is empty (0 bytes).`);
  const bytes = await file.arrayBuffer().catch((error) => {
    throw new PageError(`${file.name} cannot be read (${error.message}). Choose a file, not a folder.`);
  });
  const declared = declaredRate(bytes);
  const context = contextAt(declared) ?? contextAt(FALLBACK_RATE);
  const sound = await context.decodeAudioData(bytes).catch(() => {
    throw new PageError(
      `${file.name} cannot be decoded. Browsers know wav, flac, mp3, ogg, opus and mostly m4a: ` +
        "convert it to one of these.",
    );
  });
  if (sound.length === 0) throw new PageError(`${file.name} holds no sound.`);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  return { channels, sr: sound.sampleRate, declared: sound.sampleRate === declared };
}

/** Decodes to `rate`; null if there is none, or the browser refuses it. */
function contextAt(rate) {
  try {
    return rate && new OfflineAudioContext(1, 1, rate);
  } catch {
    return null;
  }
}

/**
 * The mean of the channels, which are given up.
 * @param {Float32Array[]} channels [channels][samples]
 * @param {string} name of the file
 * @throws {PageError} NaN or infinity in it
 */
export function mix(channels, name) {
  const [mono, ...others] = channels;
  for (const channel of others) for (let i = 0; i < mono.length; i++) mono[i] += channel[i];
  const share = 1 / channels.length;
  for (let i = 0; i < mono.length; i++) {
    mono[i] *= share;
    if (!(Math.abs(mono[i]) <= LOUDEST)) throw new PageError(`${name} holds NaN or infinite values.`);
  }
  return mono;
}
