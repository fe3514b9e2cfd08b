/** Sound processed in the page: decoded, reversed, joined, and passed to the player as a WAV file. */

/** Longest sound that is reversed here; more takes too much memory. */
export const MOST_SECONDS = 480;
const RATE = 44100;
const MOST_CHANNELS = 2;
const HEADER = 44;

/**
 * @param {string|Blob} source an address of the server, or a file
 * @returns {Promise<Float32Array[]>} one to two channels at 44.1 kHz
 */
export async function decode(source) {
  const response = source instanceof Blob ? new Response(source) : await fetch(source);
  if (!response.ok) throw new Error(`The sound cannot be read: the server answers ${response.status}.`);
  const content = await response.arrayBuffer();
  try {
    const buffer = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(content);
    const count = Math.min(MOST_CHANNELS, buffer.numberOfChannels);
    return Array.from({ length: count }, (_, channel) => buffer.getChannelData(channel));
  } catch {
    throw new Error("This browser cannot decode the file.");
  }
}

export function backwards(channels) {
  return channels.map((channel) => channel.slice().reverse());
}

/** @param {Float32Array[][]} sounds all with the same number of channels */
export function joined(sounds) {
  return sounds[0].map((_, channel) => {
    const whole = new Float32Array(sounds.reduce((length, sound) => length + sound[channel].length, 0));
    let start = 0;
    for (const { [channel]: part } of sounds) {
      whole.set(part, start);
      start += part.length;
    }
    return whole;
  });
}

export function duration(channels) {
  return channels[0].length / RATE;
}

/** Least and greatest sample alternately, as /picture gives them. */
export function peaks([channel], columns) {
  const found = new Int8Array(2 * columns);
  for (let column = 0; column < columns; column++) {
    const [first, stop] = [column, column + 1].map((i) => Math.floor((i * channel.length) / columns));
    const part = channel.subarray(first, stop);
    const [low, high] = part.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [0, 0]);
    found.set([Math.round(127 * Math.max(-1, low)), Math.round(127 * Math.min(1, high))], 2 * column);
  }
  return found;
}

/** An address of a 16-bit WAV for the player; release it by URL.revokeObjectURL. */
export function address(channels) {
  const [count, length] = [channels.length, channels[0].length];
  const header = new DataView(new ArrayBuffer(HEADER));
  const text = (place, word) => [...word].forEach((letter, i) => header.setUint8(place + i, letter.charCodeAt(0)));
  const size = 2 * count * length;
  text(0, "RIFF");
  header.setUint32(4, HEADER - 8 + size, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, count, true);
  header.setUint32(24, RATE, true);
  header.setUint32(28, 2 * count * RATE, true);
  header.setUint16(32, 2 * count, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, size, true);
  const samples = new Int16Array(count * length);
  channels.forEach((channel, c) => {
    for (let i = 0; i < length; i++) samples[i * count + c] = Math.max(-1, Math.min(1, channel[i])) * 32767;
  });
  return URL.createObjectURL(new Blob([header, samples], { type: "audio/wav" }));
}
