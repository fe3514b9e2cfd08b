/** Default locations of the model and ONNX Runtime: as installed by npm, or in a checkout. */
const INSTALLED = import.meta.url.includes("/node_modules/");

export const DEFAULT_MODEL = "music-small";

/** The URL of a model in the package. */
export function bundledModel(name) {
  const folder = INSTALLED ? "../models/" : "../../musicfeat/models/";
  return new URL(`${folder}${name}.onnx`, import.meta.url);
}

/** The folder of onnxruntime-web's files, for a browser. */
export function runtimeFolder() {
  const folder = INSTALLED ? "../../onnxruntime-web/dist/" : "../node_modules/onnxruntime-web/dist/";
  return new URL(folder, import.meta.url);
}
