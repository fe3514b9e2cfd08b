/** Decoding of a sound file to channels, at the file's own rate, by the browser's decoders. */
import { AudioError, InputError } from "./errors.js";
import { declaredRate } from "./rate.js";
import { checkedRate } from "./sound.js";
import { declaredSeconds, isEmpty, isJoined } from "./whole.js";

const FALLBACK_RATE = 48000;
const MISSING = 0.2; // Seconds missing at the end that make a file an error.

/**
 * @param {Blob} file with or without a name
 * @returns {Promise<{channels: Float32Array[], sampleRate: number, rateDeclared: boolean}>} equally long channels;
 *   whether the rate is the file's declared one, or one that the browser resampled it to
 * @throws {AudioError} the file cannot be read or decoded, or holds no sound, or more than can be decoded
 */
export async function decode(file) {
  const name = file.name ?? "the file";
  if (!globalThis.OfflineAudioContext) {
    throw new InputError("files are decoded by browsers alone: pass samples and their sampleRate here");
  }
  if (file.size === 0) throw new AudioError(`${name} is empty (0 bytes).`);
  const bytes = await file.arrayBuffer().catch((error) => {
    throw new AudioError(`${name} cannot be read (${error.message}). Choose a file, not a folder.`);
  });
  if (isEmpty(bytes)) throw new AudioError(`${name} holds no sound.`);
  if (isJoined(bytes)) {
    throw new AudioError(`${name} holds recordings joined end to end, of which only one can be decoded: split it.`);
  }
  const [declared, seconds] = [declaredRate(bytes), declaredSeconds(bytes)];
  if (declared !== null) checkDeclared(name, declared);
  const context = contextAt(declared) ?? contextAt(FALLBACK_RATE);
  const sound = await context.decodeAudioData(bytes).catch(() => {
    throw new AudioError(
      `${name} cannot be decoded. Browsers know wav, flac, mp3, ogg, opus and mostly m4a: convert it to one of these.`,
    );
  });
  if (sound.length === 0) throw new AudioError(`${name} holds no sound.`);
  if (seconds - sound.duration > MISSING) {
    const lengths = `${seconds.toFixed(1)} s are declared, ${sound.duration.toFixed(1)} s can be decoded`;
    throw new AudioError(`${name} is truncated or damaged: ${lengths}. Fetch it again.`);
  }
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  return { channels, sampleRate: sound.sampleRate, rateDeclared: sound.sampleRate === declared };
}

function checkDeclared(name, rate) {
  try {
    checkedRate(rate);
  } catch (error) {
    throw new AudioError(`${name} declares an unusable sample rate: ${error.message}`);
  }
}

/** The sound decoded at `rate`; null without a rate, or if the browser refuses it. */
function contextAt(rate) {
  try {
    return rate && new OfflineAudioContext(1, 1, rate);
  } catch {
    return null;
  }
}
