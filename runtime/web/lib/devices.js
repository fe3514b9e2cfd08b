/** ONNX Runtime for a device: WebGPU or WebAssembly in a browser, the native runtime or WebAssembly in Node. */
import { DeviceError, InputError } from "./errors.js";
import { runtimeFolder } from "./places.js";

const MOST_THREADS = 4; // More hardly help, and each needs memory.

export const inNode = typeof process === "object" && Boolean(process.versions?.node) && process.type !== "renderer";

const BUNDLES = { webgpu: "ort.webgpu.bundle.min.mjs", wasm: "ort.wasm.bundle.min.mjs" };

/**
 * The devices to try, best first: the requested one, or for "auto" all that may work here.
 * @throws {InputError} there is no such device here
 */
export async function devices(asked = "auto") {
  const known = inNode ? ["cpu", "wasm"] : ["webgpu", "wasm"];
  if (known.includes(asked)) return [asked];
  if (asked !== "auto") {
    throw new InputError(`device must be "auto" or one of "${known.join('", "')}" here, got ${JSON.stringify(asked)}`);
  }
  return inNode ? ["cpu"] : [...((await hasGpu()) ? ["webgpu"] : []), "wasm"];
}

/**
 * The ONNX Runtime library for a device, configured.
 * @param {string} device of `devices`
 * @param {{threads?: number, runtime?: string | URL}} options
 * @throws {DeviceError} the library is not installed, or the device is not present
 */
export async function library(device, { threads, runtime }) {
  checkThreads(threads);
  if (device === "webgpu" && !(await navigator.gpu?.requestAdapter())) {
    throw new DeviceError('device "webgpu" needs WebGPU, and this browser offers no adapter: use "wasm"');
  }
  const ort = await (device === "cpu" ? nativeLibrary() : webLibrary(device, runtime));
  ort.env.logLevel = "error";
  if (device !== "cpu") ort.env.wasm.numThreads = threads ?? usualThreads();
  return ort;
}

/** Whether a browser offers a real GPU, not one emulated by the CPU. */
async function hasGpu() {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}

/** The native library, without usage reports, which it sends from 1.29 on unless disabled before it is loaded. */
async function nativeLibrary() {
  process.env.ORT_DISABLE_TELEMETRY = "1";
  return imported("onnxruntime-node");
}

async function webLibrary(device, runtime) {
  if (inNode) return imported("onnxruntime-web");
  const folder = new URL(runtime ?? runtimeFolder(), globalThis.location?.href);
  const ort = await imported("onnxruntime-web", new URL(BUNDLES[device], folder).href);
  ort.env.wasm.wasmPaths = folder.href;
  return ort;
}

async function imported(name, place = name) {
  try {
    const found = await import(/* @vite-ignore */ /* webpackIgnore: true */ place);
    return found.InferenceSession ? found : found.default;
  } catch (error) {
    const cause = String(error.message).split("\n")[0];
    const mend = place === name ? "" : ", or say by `runtime` in which folder its files lie";
    throw new DeviceError(`${name} cannot be loaded (${cause}). Is ${name} installed? npm install ${name}${mend}`);
  }
}

/** The default number of threads; 1 in a page without the isolation headers that shared memory needs. */
function usualThreads() {
  if (!inNode && !globalThis.crossOriginIsolated) return 1;
  return Math.min(MOST_THREADS, globalThis.navigator?.hardwareConcurrency ?? 1);
}

function checkThreads(threads) {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1)) return;
  throw new InputError(`threads must be a whole number from 1, got ${threads}`);
}
