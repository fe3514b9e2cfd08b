/** What a model file says of itself, read from its bytes: ONNX Runtime for the web does not hand the metadata out. */
import { PageError } from "./errors.js";

const CONTRACT = "1";
const METADATA_PROPS = 14; // of ModelProto in onnx.proto
const LENGTH_DELIMITED = 2;
const FIXED_BYTES = { 1: 8, 5: 4 };

/**
 * @param {Uint8Array} bytes of an ONNX file
 * @returns {object} the fields of ModelCard in `musicfeat/model/card.py`
 * @throws {PageError} another kind of file, or of another contract
 */
export function readCard(bytes) {
  const metadata = readMetadata(bytes);
  if (!metadata.has("musicfeat_contract")) {
    throw new PageError("The model file is not a musicfeat model: no contract in its metadata.");
  }
  if (metadata.get("musicfeat_contract") !== CONTRACT) {
    throw new PageError(`The model keeps contract ${metadata.get("musicfeat_contract")}, this page reads ${CONTRACT}.`);
  }
  metadata.delete("musicfeat_contract");
  try {
    const card = Object.fromEntries([...metadata].map(([key, value]) => [key, JSON.parse(value)]));
    const consistent = card.sample_rate > 0 && 0 < card.hop && card.hop <= card.window;
    if (consistent && card.outputs.includes("embedding")) return card;
  } catch {
    // Falls through to the same words.
  }
  throw new PageError("The model file holds a damaged model card: export it anew.");
}

function readMetadata(bytes) {
  const metadata = new Map();
  const text = new TextDecoder();
  try {
    for (const [field, entry] of fields(bytes)) {
      if (field !== METADATA_PROPS) continue;
      const pair = new Map(fields(entry));
      metadata.set(text.decode(pair.get(1)), text.decode(pair.get(2)));
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PageError("The model file is damaged, or not an ONNX file.");
  }
  return metadata;
}

/** The length-delimited fields of a protobuf message as [number, bytes]; numbers are passed over. */
function* fields(bytes) {
  let place = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (place >= bytes.length || scale > 2 ** 63) throw new RangeError("varint");
      const byte = bytes[place++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (place < bytes.length) {
    const key = varint();
    const [field, type] = [Math.floor(key / 8), key % 8];
    if (type === 0) {
      varint();
      continue;
    }
    const length = type === LENGTH_DELIMITED ? varint() : FIXED_BYTES[type];
    if (!(place + length <= bytes.length)) throw new RangeError("length");
    if (type === LENGTH_DELIMITED) yield [field, bytes.subarray(place, place + length)];
    place += length;
  }
}
