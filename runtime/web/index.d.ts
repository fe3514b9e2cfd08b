/** Samples of one channel: floats at any level, or integers at full scale. */
export type Samples = Float32Array | Float64Array | Int16Array | Int32Array | number[];

/** Sound: mono samples, channels of equally many, what Web Audio decoded, or (in browsers) a file. */
export type Audio = Samples | Samples[] | AudioBufferLike | Blob;

/** The part of Web Audio's `AudioBuffer` that is used. */
export interface AudioBufferLike {
  readonly numberOfChannels: number;
  readonly sampleRate: number;
  getChannelData(channel: number): Float32Array;
}

export type Output = "embedding" | "frames" | "reversal" | "successor" | "jigsaw" | "tags";

/** How far some work is. */
export interface Progress {
  stage: "load" | "decode" | "model";
  done: number;
  total: number;
}

export interface LoadOptions {
  /** Name of a bundled model, path (Node), URL, or the bytes of a file; by default the bundled model. */
  model?: string | URL | ArrayBuffer | Uint8Array;
  /**
   * Browsers: "webgpu" or "wasm"; Node: "cpu" (onnxruntime-node) or "wasm". "auto", the default, takes WebGPU where
   * there is a GPU, else WebAssembly; in Node the native runtime. One asked for by name is never replaced by another.
   */
  device?: "auto" | "webgpu" | "wasm" | "cpu";
  /** Threads of the CPU; by default up to 4, and 1 on a page that is not cross-origin isolated. */
  threads?: number;
  /** What to compute beside the embedding; what is left out costs nothing. By default all but frames. */
  outputs?: Output[];
  /** Whether a thread of its own does the work (browsers: yes), or what makes it. */
  worker?: boolean | (() => Worker);
  /** Folder of onnxruntime-web's files, where it is not beside this package. */
  runtime?: string | URL;
  onProgress?: (progress: Progress) => void;
}

export interface WorkOptions {
  /** Whole Hz of samples; left out for an AudioBuffer or a file. */
  sampleRate?: number;
  /** Cancels the work before the next window: the promise fails with the signal's reason. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface ExtractOptions extends WorkOptions {
  /** Seconds from one window to the next; by default windows touch. */
  hop?: number;
  /** Told the mono sound as the model hears it, at the model's rate, before it is judged. */
  onWave?: (wave: Float32Array) => void;
}

export interface OrderOptions extends WorkOptions {
  /** Seconds missing at each join, up to about half a second; null if unknown. By default 0. */
  gap?: number | null;
}

/** What a model file says of itself. */
export interface ModelCard {
  name: string;
  version: string;
  /** Hz. */
  sample_rate: number;
  /** Samples. */
  window: number;
  /** Samples. */
  hop: number;
  outputs: Output[];
  pieces: number;
  piece_distance: number;
  labels: string[];
  licence: string;
  training_data: string;
  scores: Record<string, number>;
  precision: string;
  /** Whether the model must hear the sound as loud as it is. */
  level_matters?: boolean;
  weights_sha256: string;
}

/** Finds embeddings, time reversal, order and tags in music; the same numbers as Python's `Extractor`, to 1e-3. */
export class Extractor {
  /**
   * Open a model.
   * @throws {ModelError} the model is missing, damaged or of another kind
   * @throws {DeviceError} the device is not there, or its library is not installed
   */
  static load(options?: LoadOptions): Promise<Extractor>;
  private constructor();
  readonly card: ModelCard;
  /** What runs the model. */
  readonly device: "webgpu" | "wasm" | "cpu";
  /** Of WebAssembly; null for the native runtime. */
  readonly threads: number | null;
  readonly outputs: Output[];
  /** Seconds. */
  readonly window: number;
  /**
   * Everything found in a recording.
   * @throws {InputError} the sound or an option cannot be used
   * @throws {AudioError} a file cannot be decoded
   */
  extract(audio: Audio, options?: ExtractOptions): Promise<Features>;
  /** One P(plays backwards) for a whole clip. */
  reversed(audio: Audio, options?: ExtractOptions): Promise<number>;
  /** Put two or more pieces of one recording, each at least a second long, in playing order. */
  order(pieces: Audio[], options?: OrderOptions): Promise<Order>;
  /** Where a recording of at least one window runs straight on, and where something was cut. */
  continuity(audio: Audio, options?: WorkOptions): Promise<Continuity>;
  /** Give the model's memory, and the thread if there is one, back. */
  close(): Promise<void>;
}

/** Everything found in one recording, one row for each of its W windows. */
export class Features {
  private constructor();
  /** [W] seconds, where each window begins. */
  readonly starts: number[];
  /** [W] seconds, where its sound ends. */
  readonly ends: number[];
  /** [W] seconds, the middle of its sound. */
  readonly times: number[];
  /** Seconds. */
  readonly duration: number;
  /** [W] of D numbers; zeros for silence. */
  readonly embeddings: Float32Array[];
  /** [D] the mean, each window by the sound that only it stands for. */
  readonly embedding: Float32Array;
  /** [W] P(plays backwards); 0.5, undecided, for a window with less than a second of sound. */
  readonly reversal: number[];
  /** One P(plays backwards) for the whole recording. */
  readonly reversed: number;
  /** [W] P(the window's pieces are out of order); 0.5 for a padded window. */
  readonly jigsaw: number[];
  /** [W] share in pooled values; sums to 1. */
  readonly weights: number[];
  /** [W] whether there is nothing to hear. */
  readonly silent: boolean[];
  readonly labels: string[];
  /** [W] of a probability for each label, if the model has tags. */
  readonly tagCurve: Float32Array[] | null;
  /** Label to pooled probability; empty if the model has no tags. */
  readonly tags: Record<string, number>;
  /** [W] of the model's features at a finer step, one row after the other, if asked for. */
  readonly frames: Float32Array[] | null;
  /** Hz of the source. */
  readonly sampleRate: number;
  /** False where a browser resampled a file whose rate was not found. */
  readonly rateDeclared: boolean;
  /** What each step took. */
  readonly seconds: { decode: number; resample: number; model: number; total: number };
  /** Plain numbers under the names of Python's `Features`. */
  toJSON(): Record<string, unknown>;
}

/** The most probable order of some pieces. */
export interface Order {
  /** Indices of the pieces as handed, in playing order. */
  permutation: number[];
  /** Of this order among all orders; for more than 13 pieces estimated from draws. */
  probability: number;
  /** P(the pieces do not play in the order in which they were handed), the prior being one half. */
  shuffled: number;
  /** [n][n] score of piece a directly before piece b, in nats; diagonal 0. */
  scores: number[][];
  /** Seconds missing at each join: as told, or the most probable when unknown. */
  gap: number;
}

/** How surely the music runs straight on, at each of T times. */
export class Continuity {
  private constructor();
  /** [T] seconds. */
  readonly times: number[];
  /** [T] nats: above 0 for 'runs on', below for 'was cut'. */
  readonly evidence: number[];
  /** [T] P(runs straight on). */
  readonly probability: number[];
  /** Seconds and P(cut) of places where something was probably cut, in time order. */
  edits(least?: number): [number, number][];
}

/** Root of all errors that are raised on purpose. */
export class MusicfeatError extends Error {}
/** An argument cannot be used as it is. */
export class InputError extends MusicfeatError {}
/** A file cannot be decoded, or is too short for what was asked. */
export class AudioError extends MusicfeatError {}
/** A model file is missing, damaged, or does not keep the model contract. */
export class ModelError extends MusicfeatError {}
/** The device asked for is not available. */
export class DeviceError extends MusicfeatError {}
