// A session of the JavaScript package in Node that answers line by line, as engine.py does in Python.
// node engine.mjs DEVICE MODEL WINDOWS SAMPLES
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Session } from "../runtime/web/lib/session.js";

const TURN = 4;
const [device, model, file, samples] = process.argv.slice(2);
const begun = performance.now();
const session = await Session.open({ device, model, threads: 1 });
console.log((performance.now() - begun) / 1000);
const all = new Float32Array(Uint8Array.from(readFileSync(file)).buffer);
const size = Number(samples);
const windows = Array.from({ length: all.length / size }, (_, i) => all.subarray(i * size, (i + 1) * size));

/** CPU milliseconds of one window, all outputs. */
async function milliseconds() {
  const start = process.cpuUsage();
  await session.run(windows[0], session.outputs);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

async function judged(folder) {
  const rows = [];
  for (const window of windows) rows.push(await session.run(window, session.outputs));
  for (const name of session.outputs) writeFileSync(join(folder, name), Buffer.concat(rows.map((row) => Buffer.from(row[name].buffer))));
  return session.outputs.join(" ");
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "time") {
    let least = Infinity;
    for (let i = 0; i < TURN; i += 1) least = Math.min(least, await milliseconds());
    console.log(least);
  } else console.log(await judged(line.slice("judge ".length)));
}
process.exit(0);
