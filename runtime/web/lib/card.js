/** The card in a model file: the fields of `ModelCard` in `musicfeat/model/card.py`. */
import { CURVES } from "./curves.js";
import { InputError, ModelError } from "./errors.js";
import { metadata } from "./onnx_file.js";

const CONTRACT = "1";
const OUTPUTS = ["embedding", "frames", "reversal", "successor", "jigsaw", "tags", ...CURVES];

/**
 * @param {Uint8Array} bytes of an ONNX file
 * @returns {object} the card
 * @throws {ModelError} the file is of another kind, or follows another contract
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
    const timed = CURVES.every((name) => card.outputs.includes(name) === (card.curves?.[name]?.[0] > 0));
    if (consistent && timed && card.outputs.includes("embedding")) return { labels: [], ...card };
  } catch {
    // Falls through to the same error.
  }
  throw new ModelError("The model file holds a damaged model card: export it anew.");
}

/**
 * The requested outputs in the card's order; undefined requests all.
 * @throws {InputError | ModelError} an output is unknown, or the model lacks it
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
