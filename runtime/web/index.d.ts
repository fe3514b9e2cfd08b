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

export type Output = "embedding" | "frames" | "reversal" | "successor" | "jigsaw" | "tags" | "cut" | "backwards";

/** Progress of a piece of work: `done` of `total` steps of a stage. */
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
  /** Outputs to compute beside the embedding; outputs left out cost nothing. By default all but frames. */
  outputs?: Output[];
  /** True to run the model in a worker, the default in browsers; or a function that makes the worker. */
  worker?: boolean | (() => Worker);
  /** Folder of onnxruntime-web's files, where it is not beside this package. */
  runtime?: string | URL;
  onProgress?: (progress: Progress) => void;
}

export interface WorkOptions {
  /** Sample rate in whole Hz, required for samples; left out for an AudioBuffer or a file. */
  sampleRate?: number;
  /** Cancels the work before the next window: the promise fails with the signal's reason. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface ExtractOptions extends WorkOptions {
  /** Seconds from one window to the next; by default windows touch. */
  hop?: number;
  /** Function that gets the mono sound at the model's rate, before the model runs. */
  onWave?: (wave: Float32Array) => void;
}

export interface OrderOptions extends WorkOptions {
  /** Seconds missing at each join, up to about half a second; null if unknown. By default 0. */
  gap?: number | null;
}

/** Description of a model, read from its file. */
export interface ModelCard {
  name: string;
  version: string;
  /** Sample rate in Hz. */
  sample_rate: number;
  /** Length of a window in samples. */
  window: number;
  /** Distance from one window's start to the next in samples. */
  hop: number;
  outputs: Output[];
  pieces: number;
  piece_distance: number;
  labels: string[];
  licence: string;
  training_data: string;
  scores: Record<string, number>;
  precision: string;
  /** True if the model's answers depend on the level of the sound. */
  level_matters?: boolean;
  /** Seconds from one value of a curve to the next, and from a window's start to the first, by output. */
  curves?: Record<string, [number, number]>;
  weights_sha256: string;
}

/** Extractor of embeddings, time reversal, order and tags from music; its numbers are those of Python's to 1e-3. */
export class Extractor {
  /**
   * Open a model.
   * @throws {ModelError} the model is missing, damaged or of another kind
   * @throws {DeviceError} the device is not there, or its library is not installed
   */
  static load(options?: LoadOptions): Promise<Extractor>;
  private constructor();
  readonly card: ModelCard;
  /** Device that runs the model. */
  readonly device: "webgpu" | "wasm" | "cpu";
  /** Number of WebAssembly's threads; null for the native runtime. */
  readonly threads: number | null;
  readonly outputs: Output[];
  /** Length of a window in seconds. */
  readonly window: number;
  /**
   * Features of a recording.
   * @throws {InputError} the sound or an option cannot be used
   * @throws {AudioError} a file cannot be decoded
   */
  extract(audio: Audio, options?: ExtractOptions): Promise<Features>;
  /** One P(plays backwards) for a whole clip. */
  reversed(audio: Audio, options?: ExtractOptions): Promise<number>;
  /** Put two or more pieces of one recording, each at least a second long, in playing order. */
  order(pieces: Audio[], options?: OrderOptions): Promise<Order>;
  /** Continuity of a recording, low where something was cut; models without curves need at least one window of it. */
  continuity(audio: Audio, options?: WorkOptions): Promise<Continuity>;
  /** Free the model's memory and end the worker, if there is one. */
  close(): Promise<void>;
}

/** Features of one recording, one row for each of its W windows. */
export class Features {
  private constructor();
  /** [W] start of each window in seconds. */
  readonly starts: number[];
  /** [W] end of each window's sound in seconds. */
  readonly ends: number[];
  /** [W] centre of each window's sound in seconds. */
  readonly times: number[];
  /** Length of the recording in seconds. */
  readonly duration: number;
  /** [W][D] embedding of each window; zeros for a silent one. */
  readonly embeddings: Float32Array[];
  /** [D] mean of the windows' embeddings, weighted by `weights`. */
  readonly embedding: Float32Array;
  /** [W] P(plays backwards); 0.5, undecided, for a window with less than a second of sound. */
  readonly reversal: number[];
  /** One P(plays backwards) for the whole recording. */
  readonly reversed: number;
  /** [W] P(the window's pieces are out of order); 0.5 for a padded window. */
  readonly jigsaw: number[];
  /** [W] share of each window in pooled values; sums to 1. */
  readonly weights: number[];
  /** [W] true for each silent window. */
  readonly silent: boolean[];
  readonly labels: string[];
  /** [W][n] probability of each of the n labels, if the model has tags. */
  readonly tagCurve: Float32Array[] | null;
  /** Label to pooled probability; empty if the model has no tags. */
  readonly tags: Record<string, number>;
  /** [C] P(a cut here) at each of `cutTimes`, in seconds; null for models without such a curve. */
  readonly cutCurve: number[] | null;
  readonly cutTimes: number[] | null;
  /** [R] P(this plays backwards) at each of `reversalTimes`, in seconds; null for models without such a curve. */
  readonly reversalCurve: number[] | null;
  readonly reversalTimes: number[] | null;
  /** [W] features at a finer step, the rows of a window one after the other, if asked for. */
  readonly frames: Float32Array[] | null;
  /** Sample rate of the source in Hz. */
  readonly sampleRate: number;
  /** False where a browser resampled a file whose rate was not found. */
  readonly rateDeclared: boolean;
  /** Seconds that each step took. */
  readonly seconds: { decode: number; resample: number; model: number; total: number };
  /** Features as plain numbers, under the names of Python's `Features`. */
  toJSON(): Record<string, unknown>;
}

/** The most probable order of some pieces. */
export interface Order {
  /** Indices of the pieces as handed, in playing order. */
  permutation: number[];
  /** Probability of this order among all orders; estimated from draws for more than 13 pieces. */
  probability: number;
  /** P(the pieces do not play in the order in which they were handed), the prior being one half. */
  shuffled: number;
  /** [n][n] score of piece a directly before piece b, in nats; diagonal 0. */
  scores: number[][];
  /** Seconds missing at each join: the value passed, or the most probable one if that was null. */
  gap: number;
}

/** Continuity of a recording: the probability that it runs straight on, at each of T times. */
export class Continuity {
  private constructor();
  /** [T] times in seconds. */
  readonly times: number[];
  /** [T] evidence in nats: above 0 that the music runs on, below 0 that it was cut. */
  readonly evidence: number[];
  /** Least seconds between two edits. */
  readonly apart: number;
  /** P(this plays backwards) at times in seconds, `step` seconds apart; null for models without such a curve. */
  readonly backwards: { times: number[]; values: number[]; step: number } | null;
  /** [T] P(runs straight on). */
  readonly probability: number[];
  /** Seconds and P(cut) of places where something was probably cut, in time order. */
  edits(least?: number): [number, number][];
  /** Stretches that probably play backwards, in seconds and in time order; none for models without such a curve. */
  stretches(least?: number): { start: number; end: number; probability: number }[];
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
