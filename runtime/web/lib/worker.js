/** The other end of `remote.js`: a thread that receives a port, opens a model and does the port's tasks. */
import { Core } from "./core.js";
import { packed } from "./errors.js";

let core;
const running = new Map();

const methods = {
  async open(options, hooks) {
    core = await Core.open(options, hooks);
    return core.facts;
  },
  extract: (sound, hooks) => core.extract(sound, hooks),
  order: (sound, hooks) => core.order(sound, hooks),
  continuity: (sound, hooks) => core.continuity(sound, hooks),
  close: () => core?.close(),
};

function serve(port) {
  port.onmessage = async ({ data: { id, method, args, abort } }) => {
    if (abort) return running.get(id)?.abort();
    const control = new AbortController();
    running.set(id, control);
    const hooks = {
      signal: control.signal,
      progress: (progress) => port.postMessage({ id, progress }),
      wave: (wave) => port.postMessage({ id, wave }, [wave.buffer]),
    };
    try {
      port.postMessage({ id, result: await methods[method](args, hooks) });
    } catch (error) {
      port.postMessage({ id, error: packed(error) });
    }
    running.delete(id);
  };
}

if (globalThis.self) self.onmessage = ({ data }) => serve(data.port);
else (await import("node:worker_threads")).parentPort.once("message", ({ port }) => serve(port));
