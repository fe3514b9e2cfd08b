/** Music features with temporal order, in browsers and Node. */
export { Extractor } from "./lib/extractor.js";
export { Features } from "./lib/features.js";
export { Continuity } from "./lib/continuity.js";
export { AudioError, DeviceError, InputError, ModelError, MusicfeatError } from "./lib/errors.js";
