/** What a model file says of itself: the fields of `ModelCard` in `musicfeat/model/card.py`. */
import { InputError, ModelError } from "./errors.js";
import { metadata } from "./onnx_file.js";

const CONTRACT = "1";
const OUTPUTS = ["embedding", "frames", "reversal", "successor", "jigsaw", "tags"];

/**
 * @param {Uint8Array} bytes of an ONNX file
 * @returns {object} the card
 * @throws {ModelError} another kind of file, or of another contract
 */
export function readCard(bytes) {
  const pairs = metadata(bytes);
  if (!pairs.has("musicfeat_contract")) {
    throw new ModelError("The model file is not a musicfeat model: no contract in its metadata; use musicfeat-export.");
  }
  if (pairs.get("musicfeat_contract") !== CONTRACT) {
    const found = pairs.get("musicfeat_contract");
    throw new ModelError(`The model keeps contract ${found}, this page reads ${CONTRACT}: export the model anew.`);
  }
  pairs.delete("musicfeat_contract");
  try {
    const card = Object.fromEntries([...pairs].map(([key, value]) => [key, JSON.parse(value)]));
    const consistent = card.sample_rate > 0 && 0 < card.hop && card.hop <= card.window && card.pieces > 1;
    if (consistent && card.outputs.includes("embedding")) return { labels: [], ...card };
  } catch {
    // Falls through to the same words.
  }
  throw new ModelError("The model file holds a damaged model card: export it anew.");
}

/**
 * The outputs asked for in the card's order; undefined is all.
 * @throws {InputError | ModelError} unknown names, or some that the model has not
 */
export function chosenOutputs(card, asked) {
  if (asked === undefined) return card.outputs;
  if (!Array.isArray(asked) || !asked.every((name) => OUTPUTS.includes(name))) {
    throw new InputError(`outputs must be names out of ${OUTPUTS.join(", ")}, got ${JSON.stringify(asked)}`);
  }
  const names = ["embedding", ...asked];
  if (names.every((name) => card.outputs.includes(name))) return card.outputs.filter((name) => names.includes(name));
  throw new ModelError(`The model has the outputs ${card.outputs.join(", ")}, asked for ${names.join(", ")}.`);
}
