/** Tests of the package in headless Chromium (WebAssembly with and without threads, WebGPU) against Node's results. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Extractor } from "../index.js";
import { chromium, launch, serve } from "./browser.js";
import { distance, RATE, tune } from "./sounds.js";

const TOLERANCE = 1e-3;
const SECONDS = 12;
const WINDOW = 10;
const path = chromium();
const skip = path ? false : "Chromium is not installed (Debian: chromium), or CHROMIUM does not name it";
const native = await import("onnxruntime-node").then(() => true, () => false);

/** Runs in the page: opens an extractor, judges the tune, and returns plain numbers. */
async function judged({ options, seconds, asFile, brief }) {
  const { Extractor: Browsers } = await import("/web/index.js");
  const sounds = await import("/web/test/sounds.js");
  const extractor = await Browsers.load(options);
  let smooth = 0;
  const timer = setInterval(() => smooth++, 5);
  const samples = sounds.tune(seconds);
  const song = asFile ? wavFile(samples, sounds.RATE) : samples;
  const sampleRate = asFile ? undefined : sounds.RATE;
  const found = (await extractor.extract(song, { sampleRate })).toJSON();
  clearInterval(timer);
  if (brief) {
    await extractor.close();
    return { device: extractor.device, found };
  }
  const pieces = [samples.slice(5 * sounds.RATE), samples.slice(0, 5 * sounds.RATE)];
  const order = await extractor.order(pieces, { sampleRate: sounds.RATE });
  const control = new AbortController();
  const onProgress = () => control.abort();
  const work = extractor.continuity(samples, { sampleRate: sounds.RATE, signal: control.signal, onProgress });
  const stopped = await work.then(() => "ended", (error) => error.name);
  await extractor.close();
  return { device: extractor.device, threads: extractor.threads, found, order, stopped, smooth };

  function wavFile(wave, rate) {
    const view = new DataView(new ArrayBuffer(44 + 4 * wave.length));
    const text = (place, letters) => [...letters].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
    text(0, "RIFF");
    text(8, "WAVEfmt ");
    text(36, "data");
    const size = 4 * wave.length;
    const words = [[4, 36 + size], [16, 16], [24, rate], [28, 4 * rate], [40, size]];
    for (const [place, value] of words) view.setUint32(place, value, true);
    for (const [place, value] of [[20, 3], [22, 1], [32, 4], [34, 32]]) view.setUint16(place, value, true);
    wave.forEach((value, i) => view.setFloat32(44 + 4 * i, value, true));
    return new File([view.buffer], "tune.wav");
  }
}

describe("an extractor in Chromium", { skip }, () => {
  let browser;
  const expected = {};
  let first; // what Node finds in the first window alone
  before(async () => {
    browser = await launch(path);
    const extractor = await Extractor.load({ device: native ? "cpu" : "wasm" });
    const song = tune(SECONDS);
    expected.found = (await extractor.extract(song, { sampleRate: RATE })).toJSON();
    first = (await extractor.extract(song.slice(0, WINDOW * RATE), { sampleRate: RATE })).toJSON();
    expected.order = await extractor.order([song.slice(5 * RATE), song.slice(0, 5 * RATE)], { sampleRate: RATE });
    await extractor.close();
  });
  after(() => browser?.close());

  /** Compares the results of a fresh page with Node's. */
  async function agrees(options, { isolated = true, asFile = false, brief = false } = {}) {
    const site = await serve(isolated);
    const page = await browser.newPage();
    try {
      await page.goto(`${site.origin}/blank`);
      const seconds = brief ? WINDOW : SECONDS;
      const result = await page.evaluate(judged, { options, seconds, asFile, brief });
      const found = brief ? first : expected.found;
      for (const name of ["starts", "embeddings", "reversal", "jigsaw", "tag_curve", "weights"]) {
        assert.ok(distance(result.found[name], found[name]) < TOLERANCE, name);
      }
      if (brief) return result;
      assert.deepEqual(result.order.permutation, expected.order.permutation);
      assert.ok(distance(result.order.scores, expected.order.scores) < 10 * TOLERANCE);
      assert.equal(result.stopped, "AbortError");
      return result;
    } finally {
      await page.close();
      site.close();
    }
  }

  it("runs WebAssembly on several threads, in a worker, while the page stays smooth", async () => {
    const { device, threads, smooth } = await agrees({ device: "wasm", threads: 2 });
    assert.deepEqual([device, threads], ["wasm", 2]);
    assert.ok(smooth > 3, `the page ran ${smooth} times`);
  });

  it("takes a file, and one thread where the server isolates nothing", async () => {
    const { device, threads } = await agrees({}, { isolated: false, asFile: true });
    assert.deepEqual([device, threads], ["wasm", 1]); // A GPU emulated by the CPU is used only if it is named.
  });

  it("runs WebGPU where it is asked for", async (context) => {
    const site = await serve(true);
    const page = await browser.newPage();
    await page.goto(`${site.origin}/blank`);
    const adapter = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
    await page.close();
    site.close();
    if (!adapter) return context.skip("this Chromium offers no WebGPU adapter, not even in software");
    // One window: where a CPU emulates the GPU, it takes minutes on a busy machine.
    assert.equal((await agrees({ device: "webgpu" }, { brief: true })).device, "webgpu");
  });

  it("says what is missing", async () => {
    const site = await serve(false);
    const page = await browser.newPage();
    await page.goto(`${site.origin}/blank`);
    const said = (options) => page.evaluate(async (o) => {
      const { Extractor: Browsers } = await import("/web/index.js");
      return Browsers.load(o).then(() => "opened", (error) => `${error.name}: ${error.message}`);
    }, options);
    assert.match(await said({ runtime: "/nowhere/" }), /DeviceError: onnxruntime-web cannot be loaded/);
    assert.match(await said({ model: "/nowhere.onnx" }), /ModelError: .*HTTP 404/);
    assert.match(await said({ device: "cpu" }), /InputError: device must be/);
    await page.close();
    site.close();
  });
});
