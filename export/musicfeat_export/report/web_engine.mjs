// Runs a model over windows in a file by onnxruntime-web's WebAssembly, and prints the outputs as JSON.
// node web_engine.mjs PACKAGE MODEL WINDOWS BATCH SAMPLES
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, model, windows, batch, samples] = process.argv.slice(2);
const ort = createRequire(import.meta.url)(folder);
ort.env.wasm.numThreads = 1;
const bytes = readFileSync(windows);
const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const session = await ort.InferenceSession.create(readFileSync(model), { executionProviders: ["wasm"] });
const feed = { waveform: new ort.Tensor("float32", values, [Number(batch), Number(samples)]) };
const outputs = await session.run(feed);
const plain = Object.entries(outputs).map(([name, { data, dims }]) => [name, { data: Array.from(data), dims }]);
process.stdout.write(JSON.stringify(Object.fromEntries(plain)));
