/** Every error that this package raises on purpose, as in `musicfeat/errors.py`: its message says how to mend it. */

/** Root of all errors of this package. */
export class MusicfeatError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** An argument cannot be used as it is: wrong shape, type, value or rate. */
export class InputError extends MusicfeatError {}

/** A file cannot be decoded, or is too short for what was asked. */
export class AudioError extends MusicfeatError {}

/** A model file is missing, damaged, or does not keep the model contract. */
export class ModelError extends MusicfeatError {}

/** The device asked for is not available. */
export class DeviceError extends MusicfeatError {}

const KINDS = { MusicfeatError, InputError, AudioError, ModelError, DeviceError };

/** An error as plain data, to be sent between threads. */
export function packed(error) {
  return { name: error.name, message: error.message };
}

/** The error that `packed` took apart. */
export function unpacked({ name, message }) {
  if (name in KINDS) return new KINDS[name](message);
  if (name === "AbortError") return new DOMException(message, name);
  return new Error(`${name}: ${message}`);
}
