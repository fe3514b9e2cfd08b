/** All errors that this package raises on purpose, as in `musicfeat/errors.py`; each message says how to solve it. */

/** Root of all errors of this package. */
export class MusicfeatError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** An argument cannot be used as it is: wrong shape, type, value or rate. */
export class InputError extends MusicfeatError {}

/** A file cannot be decoded, or is too short for the request. */
export class AudioError extends MusicfeatError {}

/** A model file is missing, damaged, or breaks the model contract. */
export class ModelError extends MusicfeatError {}

/** The requested device is not available. */
export class DeviceError extends MusicfeatError {}

const KINDS = { MusicfeatError, InputError, AudioError, ModelError, DeviceError };

/** An error as plain data, for another thread. */
export function packed(error) {
  return { name: error.name, message: error.message };
}

/** The error from data of `packed`. */
export function unpacked({ name, message }) {
  if (name in KINDS) return new KINDS[name](message);
  if (name === "AbortError") return new DOMException(message, name);
  return new Error(`${name}: ${message}`);
}
