// The package with the default model inside: npm run pack -- --pack-destination FOLDER. Installing runs no scripts
// (.npmrc), hence no "prepack": that of onnxruntime-node fetches libraries for CUDA.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledModel, DEFAULT_MODEL } from "./lib/places.js";

const folder = new URL("models/", import.meta.url);
mkdirSync(folder, { recursive: true });
try {
  for (const suffix of ["onnx", "json", "md"]) {
    const source = new URL(bundledModel(DEFAULT_MODEL).href.replace(/onnx$/, suffix));
    cpSync(source, new URL(basename(source.pathname), folder));
  }
  const options = { cwd: fileURLToPath(new URL(".", import.meta.url)), stdio: "inherit" };
  process.exitCode = spawnSync("npm", ["pack", ...process.argv.slice(2)], options).status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
