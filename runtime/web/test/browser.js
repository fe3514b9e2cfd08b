/** Headless Chromium and a server for it; a message names anything missing. */
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Chromium's path, or undefined. */
export function chromium() {
  const found = NAMES.map((name) => spawnSync("which", [name]).stdout?.toString().trim()).find(Boolean);
  return process.env.CHROMIUM ?? found;
}

/** A server of the runtime's folder; `isolated` pages may share memory between threads. */
export async function serve(isolated) {
  const headers = isolated ? ISOLATED : {};
  const server = createServer(async ({ url }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
    const blank = path === "/blank";
    const body = blank ? "<!doctype html>" : await readFile(join(ROOT, path)).catch(() => null);
    const type = blank ? "text/html" : TYPES[extname(path)] ?? "application/octet-stream";
    response.writeHead(body === null ? 404 : 200, { "Content-Type": type, ...headers }).end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** A browser whose WebGPU, if it has any, runs on the CPU. */
export async function launch(executablePath) {
  const { default: puppeteer } = await import("puppeteer-core");
  const root = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const gpu = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
  const args = [...root, ...gpu, "--disable-dev-shm-usage"];
  return puppeteer.launch({ executablePath, args, protocolTimeout: 1800000 });
}
