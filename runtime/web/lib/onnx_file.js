/**
 * An ONNX file read as a protocol buffer: metadata is read, outputs are removed, as in `musicfeat/model/pruning.py`.
 * ONNX Runtime for the web exposes no metadata, and runs all nodes of a file, whichever outputs are fetched.
 */
import { ModelError } from "./errors.js";

const [GRAPH, METADATA, NODE, OUTPUT] = [7, 14, 1, 12];
const [NAME, NODE_INPUT, NODE_OUTPUT] = [1, 1, 2];
const LENGTH_DELIMITED = 2;
const FIXED_BYTES = { 1: 8, 5: 4 };
const text = new TextDecoder();

/**
 * @param {Uint8Array} bytes of an ONNX file
 * @returns {Map<string, string>} its metadata_props
 * @throws {ModelError} the file is of another kind
 */
export function metadata(bytes) {
  const pairs = new Map();
  for (const { field, content } of fields(bytes)) {
    if (field !== METADATA || !content) continue;
    const pair = new Map([...fields(content)].map((entry) => [entry.field, entry.content]));
    pairs.set(text.decode(pair.get(1)), text.decode(pair.get(2)));
  }
  return pairs;
}

/**
 * @param {Uint8Array} bytes of an ONNX file
 * @param {Set<string>} names of the outputs to keep
 * @returns {Uint8Array} a copy with only these outputs and the nodes that they need
 */
export function keepOutputs(bytes, names) {
  const parts = [];
  for (const { field, whole, content } of fields(bytes)) {
    if (field !== GRAPH || !content) {
      parts.push(whole);
      continue;
    }
    const graph = keptFields(content, names);
    const size = graph.reduce((sum, part) => sum + part.length, 0);
    parts.push(varint(GRAPH * 8 + LENGTH_DELIMITED), varint(size), ...graph);
  }
  return joined(parts);
}

/** The graph's fields without other outputs and the nodes that only those need; nodes are in order of use. */
function keptFields(graph, names) {
  const needed = new Set(names);
  const kept = [];
  for (const { field, whole, content } of [...fields(graph)].reverse()) {
    if (content && field === NODE) {
      if (!strings(content, NODE_OUTPUT).some((name) => needed.has(name))) continue;
      strings(content, NODE_INPUT).forEach((name) => needed.add(name));
    } else if (content && field === OUTPUT && !strings(content, NAME).some((name) => names.has(name))) continue;
    kept.push(whole);
  }
  return kept.reverse();
}

function strings(message, wanted) {
  return [...fields(message)].filter(({ field, content }) => field === wanted && content?.length)
    .map(({ content }) => text.decode(content));
}

/** Number, all bytes, and content (if length-delimited) of each field of a message. */
function* fields(bytes) {
  let place = 0;
  const number = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (place >= bytes.length || scale > 2 ** 63) throw damaged();
      const byte = bytes[place++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (place < bytes.length) {
    const start = place;
    const key = number();
    const [field, type] = [Math.floor(key / 8), key % 8];
    let content = null;
    if (type === 0) number();
    else {
      const length = type === LENGTH_DELIMITED ? number() : FIXED_BYTES[type];
      if (!(place + length <= bytes.length)) throw damaged();
      if (type === LENGTH_DELIMITED) content = bytes.subarray(place, place + length);
      place += length;
    }
    yield { field, whole: bytes.subarray(start, place), content };
  }
}

function damaged() {
  return new ModelError("The model file is damaged, or not an ONNX file.");
}

function varint(value) {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.from([...bytes, value]);
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return all;
}
