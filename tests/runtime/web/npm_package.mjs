// Runs the package for test_npm.py: {options, jobs: [{method, waves, sr, options}]} in, [result, ...] out, both JSON.
import { readFileSync } from "node:fs";
import { Extractor } from "../../../runtime/web/index.js";

const wave = (path) => new Float32Array(Uint8Array.from(readFileSync(path)).buffer);
const { options, jobs } = JSON.parse(readFileSync(0, "utf8"));
const extractor = await Extractor.load(options);
const results = [];
for (const { method, waves, sr, options: more } of jobs) {
  const sounds = waves.map(wave);
  const asked = { sampleRate: sr, ...more };
  const found = await extractor[method](method === "order" ? sounds : sounds.length > 1 ? sounds : sounds[0], asked);
  results.push(method === "continuity" ? { ...found, edits: found.edits(), stretches: found.stretches(0.1) } : found);
}
await extractor.close();
process.stdout.write(JSON.stringify(results));
