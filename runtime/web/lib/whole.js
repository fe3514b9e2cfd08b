/** The length that a sound file declares, and recordings joined in one file: browsers pass over both without a word. */
import { id3Size } from "./rate.js";

const STREAMED = 2 ** 17; // The distance below 2^31 and 2^32 of sizes that writers to a pipe declare.
const CHUNKS = ["LIST", "fact", "bext", "iXML", "id3 "];
const [RATES_1, SAMPLES_1, SAMPLES_2] = [[44100, 48000, 32000], 1152, 576];

/**
 * @param {ArrayBuffer} buffer of a wav, flac, mp3, m4a or mp4 file
 * @returns {number} seconds; 0 if the file declares none
 */
export function declaredSeconds(buffer) {
  return looked(buffer, 0, (view, name) => {
    if (name(0) === "RIFF") return ofWav(view, name);
    if (name(0) === "fLaC") return ofFlac(view);
    return name(4) === "ftyp" ? ofMp4(view, name) : ofMp3(view, name);
  });
}

/** Whether a WAV file has no sample but other chunks, which browsers play. */
export function isEmpty(buffer) {
  return looked(buffer, false, (view, name) => {
    if (name(0) !== "RIFF") return false;
    const { begin, size } = wavData(view, name);
    return size === 0 && CHUNKS.includes(name(begin));
  });
}

/** Whether several recordings are joined in a WAV or MP4 file, of which browsers decode one. */
export function isJoined(buffer) {
  return looked(buffer, false, (view, name) => {
    if (name(0) === "RIFF") {
      const end = 8 + 2 * Math.ceil(view.getUint32(4, true) / 2);
      if (end === 8 || end > view.byteLength) return hasLaterWav(view, name);
      return end + 12 <= view.byteLength && name(end) === "RIFF" && name(end + 8) === "WAVE";
    }
    if (name(4) !== "ftyp") return false;
    const names = [...boxes(view, name, 0, view.byteLength)].map((box) => box.name);
    return !names.includes("moof") && names.filter((one) => one === "moov").length > 1;
  });
}

/** Whether a WAV begins behind another that was written to a pipe, or never closed, and does not tell its end. */
function hasLaterWav(view, name) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength - 11);
  const first = "R".charCodeAt(0);
  for (let place = bytes.indexOf(first, 12); place >= 0; place = bytes.indexOf(first, place + 1)) {
    if (name(place) === "RIFF" && name(place + 8) === "WAVE") return true;
  }
  return false;
}

/** An answer about the bytes behind an ID3 tag; `otherwise` if they end too soon. */
function looked(buffer, otherwise, look) {
  const view = new DataView(buffer, id3Size(new Uint8Array(buffer)));
  const name = (place) => String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(place + i)));
  try {
    return look(view, name);
  } catch (error) {
    if (error instanceof RangeError) return otherwise;
    throw error;
  }
}

function ofWav(view, name) {
  const { size, bytesPerSecond } = wavData(view, name);
  const streamed = [2 ** 31, 2 ** 32].some((limit) => size <= limit && limit - size < STREAMED);
  return streamed || !bytesPerSecond ? 0 : size / bytesPerSecond;
}

function wavData(view, name) {
  let [place, bytesPerSecond] = [12, 0];
  for (; name(place) !== "data"; place += 8 + 2 * Math.ceil(view.getUint32(place + 4, true) / 2)) {
    if (name(place) === "fmt ") bytesPerSecond = view.getUint32(place + 16, true);
  }
  return { begin: place + 8, size: view.getUint32(place + 4, true), bytesPerSecond };
}

/** RFC 9639, section 8.2: 20 bits of rate in Hz, and 36 of samples. */
function ofFlac(view) {
  return ((view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22)) / (view.getUint32(18) >>> 12);
}

/** The number of frames in the header by Xing, which some writers call Info. */
function ofMp3(view, name) {
  const head = view.getUint32(0);
  const [version, rate] = [(head >> 19) & 3, (head >> 10) & 3];
  if (head >>> 21 !== 0x7ff || version === 1 || rate === 3) return 0;
  const places = version === 3 ? [36, 21] : [21, 13]; // behind the side information of stereo and mono
  const place = places.find((one) => ["Xing", "Info"].includes(name(one)));
  if (place === undefined || !(view.getUint32(place + 4) & 1)) return 0;
  const samples = view.getUint32(place + 8) * (version === 3 ? SAMPLES_1 : SAMPLES_2);
  return (samples * { 3: 1, 2: 2, 0: 4 }[version]) / RATES_1[rate];
}

/** The sound track's length, or that of the whole presentation, whichever is less; videos may go on without sound. */
function ofMp4(view, name) {
  const inside = (box, wanted) => [...boxes(view, name, box.begin, box.end)].filter((one) => one.name === wanted);
  const seconds = ({ begin }) => {
    const long = view.getUint8(begin) === 1;
    const duration = long ? Number(view.getBigUint64(begin + 24)) : view.getUint32(begin + 16);
    return duration / view.getUint32(begin + (long ? 20 : 12));
  };
  const [movie] = inside({ begin: 0, end: view.byteLength }, "moov");
  if (!movie) return 0;
  const media = inside(movie, "trak").flatMap((track) => inside(track, "mdia"));
  const sound = media.find((one) => inside(one, "hdlr").some(({ begin }) => name(begin + 8) === "soun"));
  const lengths = [inside(movie, "mvhd"), sound ? inside(sound, "mdhd") : []].flat().map(seconds);
  return lengths.length === 2 ? Math.min(...lengths) : 0;
}

/** Boxes of ISO/IEC 14496-12, section 4.2: each has its size and name in front. */
function* boxes(view, name, place, stop) {
  while (place + 8 <= stop) {
    const size = view.getUint32(place);
    const [head, length] = size === 1 ? [16, Number(view.getBigUint64(place + 8))] : [8, size || stop - place];
    if (length < head) return;
    yield { name: name(place + 4), begin: place + head, end: Math.min(stop, place + length) };
    place += length;
  }
}
