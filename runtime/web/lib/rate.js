/**
 * The sample rate that a sound file declares. Unless asked for that rate, the browser would resample while
 * decoding to a rate of its own, by rough means.
 */

/**
 * @param {ArrayBuffer} buffer of a wav, flac, ogg, opus, mp3, m4a or mp4 file
 * @returns {number | null} Hz, or null if no rate was found
 */
export function declaredRate(buffer) {
  const bytes = new Uint8Array(buffer);
  const begin = id3Size(bytes);
  const view = new DataView(buffer, begin);
  const name = (place) => String.fromCharCode(...bytes.subarray(begin + place, begin + place + 4));
  try {
    if (["RIFF", "RF64"].includes(name(0))) return ofWav(view, name);
    if (name(0) === "fLaC") return view.getUint32(18) >>> 12;
    if (name(0) === "OggS") return ofOgg(bytes, view);
    if (name(4) === "ftyp") return ofMp4(bytes, view);
    return ofMpeg(view);
  } catch (error) {
    if (error instanceof RangeError) return null; // The file ends too soon; decoding will report it.
    throw error;
  }
}

/** Bytes of an ID3 tag at the beginning. */
export function id3Size(bytes) {
  if (String.fromCharCode(...bytes.subarray(0, 3)) !== "ID3" || bytes.length < 10) return 0;
  const size = 10 + bytes.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 127), 0);
  return Math.min(size, bytes.length);
}

function ofWav(view, name) {
  let place = 12;
  while (name(place) !== "fmt ") place += 8 + 2 * Math.ceil(view.getUint32(place + 4, true) / 2);
  return view.getUint32(place + 12, true);
}

/** RFC 7845 (Opus, always decoded at 48 kHz), the Vorbis I specification and the Ogg mapping of FLAC. */
function ofOgg(bytes, view) {
  const head = String.fromCharCode(...bytes.subarray(bytes.length - view.byteLength).subarray(0, 64));
  if (head.includes("OpusHead")) return 48000;
  const [vorbis, flac] = [head.indexOf("\x01vorbis"), head.indexOf("fLaC")];
  if (vorbis >= 0) return view.getUint32(vorbis + 12, true);
  return flac >= 0 ? view.getUint32(flac + 18) >>> 12 : null;
}

/** ISO/IEC 14496-12: an audio sample entry ends with its rate as a 16.16 number, 28 bytes after the entry's name. */
function ofMp4(bytes, view) {
  const entry = [..."mp4a"].map((letter) => letter.charCodeAt(0));
  for (let place = bytes.indexOf(entry[0]); place >= 0; place = bytes.indexOf(entry[0], place + 1)) {
    const found = entry.every((code, i) => bytes[place + i] === code);
    const rate = found && place + 32 <= bytes.length ? view.getUint32(place + 28) / 65536 : 0;
    if (found && rate >= 1000) return rate;
  }
  return null;
}

/** ISO/IEC 11172-3 and 13818-3 (MPEG 1, 2 and 2.5) and 13818-7 (ADTS): a frame followed by another of its kind. */
function ofMpeg(view) {
  for (let place = 0; place + 6 <= view.byteLength; place++) {
    if (view.getUint8(place) !== 0xff) continue;
    const frame = mpegFrame(view, place) ?? adtsFrame(view, place);
    if (!frame) continue;
    const next = place + frame.size;
    const alike = next + 2 > view.byteLength || (view.getUint16(next) ^ view.getUint16(place)) < 2;
    if (alike) return frame.rate;
  }
  return null;
}

const KBITS_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBITS_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

function mpegFrame(view, place) {
  const head = view.getUint32(place);
  const [version, layer, bits, rate] = [(head >> 19) & 3, (head >> 17) & 3, (head >> 12) & 15, (head >> 10) & 3];
  const kbits = (version === 3 ? KBITS_1 : KBITS_2)[bits];
  if (head >>> 21 !== 0x7ff || version === 1 || layer !== 1 || rate === 3 || !kbits) return null;
  const hertz = [44100, 48000, 32000][rate] / { 3: 1, 2: 2, 0: 4 }[version];
  const samples = version === 3 ? 1152 : 576;
  return { rate: hertz, size: Math.floor(((samples / 8) * kbits * 1000) / hertz) + ((head >> 9) & 1) };
}

const ADTS_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

function adtsFrame(view, place) {
  const head = view.getUint32(place);
  const rate = ADTS_RATES[(head >> 10) & 15];
  const size = ((head & 3) << 11) | (view.getUint16(place + 4) >> 5);
  return head >>> 20 === 0xfff && ((head >> 17) & 3) === 0 && rate && size > 7 ? { rate, size } : null;
}
