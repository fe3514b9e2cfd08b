/** Tests of the package in Node: its rules, its errors, and equal numbers from every device. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Extractor } from "../index.js";
import { distance, RATE, tune } from "./sounds.js";

const TOLERANCE = 1e-3;
const installed = await import("onnxruntime-node").then(() => true, () => false);
const skip = installed ? false : "onnxruntime-node is not installed: npm install onnxruntime-node";
const song = tune(24);
const part = (from, to) => song.slice(from * RATE, to * RATE);

describe("an extractor in Node", { skip }, () => {
  let extractor;
  before(async () => {
    extractor = await Extractor.load();
  });
  after(() => extractor.close());

  it("cuts windows, pools them and tells how far it is", async () => {
    const told = [];
    const found = await extractor.extract(song, { sampleRate: RATE, onProgress: (news) => told.push(news.done) });
    assert.deepEqual(found.starts, [0, 10, 20]);
    assert.ok(Math.abs(found.duration - 24) < 1e-4);
    assert.ok(distance(found.weights, [10 / 24, 10 / 24, 4 / 24]) < 1e-4);
    assert.equal(found.embedding.length, found.embeddings[0].length);
    assert.deepEqual(Object.keys(found.tags), extractor.card.labels);
    assert.equal(found.jigsaw[2], 0.5);
    assert.deepEqual(told, [1, 2, 3]);
  });

  it("hears direction", async () => {
    const forwards = await extractor.reversed(song, { sampleRate: RATE });
    const backwards = await extractor.reversed(song.slice().reverse(), { sampleRate: RATE });
    assert.ok(forwards < 0.5 && backwards > 0.5, `${forwards}, ${backwards}`);
  });

  it("takes stereo, integers and AudioBuffers alike", async () => {
    const expected = await extractor.reversed(song, { sampleRate: RATE });
    const integers = Int16Array.from(song, (value) => Math.round(value * 32768));
    const buffer = { numberOfChannels: 2, sampleRate: RATE, getChannelData: () => song };
    assert.ok(distance(await extractor.reversed([song, song], { sampleRate: RATE }), expected) < 1e-6);
    assert.ok(distance(await extractor.reversed(buffer), expected) < 1e-6);
    assert.ok(distance(await extractor.reversed(integers, { sampleRate: RATE }), expected) < TOLERANCE);
  });

  it("leaves the caller's samples as they are", async () => {
    const copy = song.slice();
    await extractor.extract([song, song], { sampleRate: RATE });
    assert.deepEqual(song, copy);
  });

  it("has nothing to say of silence", async () => {
    const found = await extractor.extract(new Float32Array(RATE), { sampleRate: RATE });
    assert.deepEqual([found.silent, found.reversal, found.weights], [[true], [0.5], [1]]);
    assert.ok(found.embedding.every((value) => value === 0));
  });

  it("puts pieces in order", async () => {
    const { permutation, scores, gap } = await extractor.order([part(8, 13), part(3, 8)], { sampleRate: RATE });
    assert.deepEqual(permutation.toSorted(), [0, 1]);
    assert.deepEqual([scores[0][0], scores[1][1], gap], [0, 0, 0]);
    const unknown = await extractor.order([part(8, 13), part(3, 8)], { sampleRate: RATE, gap: null });
    assert.ok(unknown.gap >= 0 && unknown.probability >= 0.5);
  });

  it("slides joins over a recording", async () => {
    const { times, probability } = await extractor.continuity(part(0, 13), { sampleRate: RATE });
    assert.equal(times.length, probability.length);
    assert.ok(probability.every((p) => p >= 0 && p <= 1));
  });

  it("stops when that is asked for", async () => {
    const control = new AbortController();
    const onProgress = () => control.abort();
    const work = extractor.extract(song, { sampleRate: RATE, signal: control.signal, onProgress });
    await assert.rejects(work, { name: "AbortError" });
    assert.equal((await extractor.extract(part(0, 2), { sampleRate: RATE })).starts.length, 1);
  });

  it("says what is wrong and how to mend it", async () => {
    const joins = await Extractor.load({ outputs: ["successor"] });
    const cases = [
      [() => extractor.extract(song), "InputError", /sampleRate is missing/],
      [() => extractor.extract(song, { sampleRate: 0.5 }), "InputError", /from 1000 to 1536000/],
      [() => extractor.extract("song", { sampleRate: RATE }), "InputError", /audio must be/],
      [() => extractor.extract(new Float32Array(0), { sampleRate: RATE }), "InputError", /empty/],
      [() => extractor.extract([song, part(0, 1)], { sampleRate: RATE }), "InputError", /equally long/],
      [() => extractor.extract(Float32Array.of(NaN), { sampleRate: RATE }), "InputError", /NaN/],
      [() => extractor.extract(song, { sampleRate: RATE, hop: 11 }), "InputError", /at most the window of 10 s/],
      [() => extractor.extract(new Blob(["x"])), "InputError", /decoded by browsers/],
      [() => extractor.order([part(0, 2)], { sampleRate: RATE }), "InputError", /at least 2 pieces/],
      [() => extractor.order([song, part(0, 0.5)], { sampleRate: RATE }), "InputError", /piece 1 lasts 0.50 s/],
      [() => extractor.order([song, song], { sampleRate: RATE, gap: 2 }), "InputError", /gap must be from 0/],
      [() => joins.continuity(part(0, 9), { sampleRate: RATE }), "AudioError", /at least a window of 10 s/],
      [() => Extractor.load({ model: "missing.onnx" }), "ModelError", /no model missing.onnx/],
      [() => Extractor.load({ model: new Uint8Array(99).fill(255) }), "ModelError", /damaged, or not an ONNX file/],
      [() => Extractor.load({ device: "webgpu" }), "InputError", /device must be/],
      [() => Extractor.load({ outputs: ["colour"] }), "InputError", /outputs must be names/],
      [() => Extractor.load({ threads: 0 }), "InputError", /threads must be/],
    ];
    for (const [work, name, message] of cases) await assert.rejects(work, { name, message });
    await joins.close();
  });

  it("runs only what is asked for", async () => {
    const few = await Extractor.load({ outputs: ["reversal"] });
    const found = await few.extract(part(0, 10), { sampleRate: RATE });
    const expected = await extractor.extract(part(0, 10), { sampleRate: RATE });
    assert.deepEqual(few.outputs, ["embedding", "reversal"]);
    assert.ok(distance(found.embeddings, expected.embeddings) < 1e-5);
    assert.deepEqual([found.jigsaw, found.tags], [[0.5], {}]);
    await assert.rejects(few.order([part(0, 2), part(2, 4)], { sampleRate: RATE }), { name: "ModelError" });
    await few.close();
  });

  it("says the same in a worker and through WebAssembly", async () => {
    const expected = await extractor.extract(song, { sampleRate: RATE });
    for (const options of [{ worker: true }, { device: "wasm" }]) {
      const other = await Extractor.load(options);
      const found = await other.extract(song, { sampleRate: RATE });
      for (const name of ["embeddings", "reversal", "jigsaw", "tagCurve", "weights"]) {
        assert.ok(distance(found[name], expected[name]) < TOLERANCE, name);
      }
      const control = new AbortController();
      const onProgress = () => control.abort();
      const work = other.continuity(song, { sampleRate: RATE, signal: control.signal, onProgress });
      await assert.rejects(work, { name: "AbortError" });
      await assert.rejects(other.extract(song), { name: "InputError" });
      await other.close();
    }
  });
});
