// The default model beside the package while npm packs it: node models.mjs copy, then node models.mjs remove.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { bundledModel, DEFAULT_MODEL } from "./lib/places.js";

const folder = new URL("models/", import.meta.url);

if (process.argv[2] === "copy") {
  mkdirSync(folder, { recursive: true });
  const model = bundledModel(DEFAULT_MODEL);
  for (const suffix of ["onnx", "json", "md"]) {
    const source = new URL(model.href.replace(/onnx$/, suffix));
    cpSync(source, new URL(basename(source.pathname), folder));
  }
} else rmSync(folder, { recursive: true, force: true });
