/** A `Core` in a thread of its own, so that a page stays smooth; it does one task at a time. */
import { DeviceError, unpacked } from "./errors.js";
import { inNode } from "./devices.js";

const WORKER = new URL("./worker.js", import.meta.url);

export class Remote {
  /**
   * @param {object} options of `Extractor.load`, as plain data
   * @param {object} hooks
   * @param {true | (() => Worker)} worker a function that makes the thread, or true for the default
   */
  static async open(options, hooks, worker) {
    const remote = new Remote(await started(worker));
    try {
      remote.facts = await remote.#ask("open", options, hooks);
      return remote;
    } catch (error) {
      remote.#worker.terminate();
      throw error;
    }
  }

  #worker;
  #port;
  #last = 0;
  #asked = new Map();
  #queue = Promise.resolve();

  constructor(worker) {
    const { port1, port2 } = new MessageChannel();
    this.#worker = worker;
    this.#port = port1;
    port1.onmessage = ({ data }) => this.#answered(data);
    port1.unref?.();
    const failed = (event) => {
      event.preventDefault?.();
      this.#failed(new DeviceError(`The worker failed to run: ${event.message ?? "its module cannot be loaded"}`));
    };
    if (inNode) worker.on("error", failed);
    else worker.onerror = failed;
    worker.postMessage({ port: port2 }, [port2]);
  }

  extract(sound, hooks) {
    return this.#inTurn("extract", sound, hooks);
  }

  order(sound, hooks) {
    return this.#inTurn("order", sound, hooks);
  }

  continuity(sound, hooks) {
    return this.#inTurn("continuity", sound, hooks);
  }

  async close() {
    this.#failed(new DeviceError("the extractor was closed"));
    await this.#worker.terminate();
  }

  #inTurn(method, args, hooks) {
    const work = () => this.#ask(method, args, hooks);
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  #ask(method, { transfer = [], ...args }, { signal, ...hooks }) {
    signal?.throwIfAborted();
    const id = ++this.#last;
    const abort = () => this.#port.postMessage({ id, abort: true });
    signal?.addEventListener("abort", abort, { once: true });
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject, hooks });
      this.#port.ref?.();
      this.#port.postMessage({ id, method, args }, transfer);
    }).catch((error) => {
      throw error.name === "AbortError" && signal?.aborted ? signal.reason : error;
    }).finally(() => {
      signal?.removeEventListener("abort", abort);
      this.#asked.delete(id);
      if (!this.#asked.size) this.#port.unref?.();
    });
  }

  #answered({ id, progress, wave, error, result }) {
    const asked = this.#asked.get(id);
    if (!asked) return;
    if (progress) asked.hooks.progress?.(progress);
    else if (wave) asked.hooks.wave?.(wave);
    else if (error) asked.reject(unpacked(error));
    else asked.resolve(result);
  }

  #failed(error) {
    for (const { reject } of this.#asked.values()) reject(error);
  }
}

async function started(worker) {
  if (typeof worker === "function") return worker();
  if (!inNode) return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const { Worker: NodeWorker } = await import("node:worker_threads");
  const thread = new NodeWorker(WORKER);
  thread.unref();
  return thread;
}
