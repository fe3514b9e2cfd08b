// What a typed user writes; `npm run types` holds index.d.ts to it.
import { AudioError, Extractor, type Features, type Order } from "musicfeat";

export async function judge(sound: AudioBuffer, file: File, signal: AbortSignal): Promise<number> {
  const extractor = await Extractor.load({ device: "auto", onProgress: ({ done, total }) => done / total });
  const found: Features = await extractor.extract(sound, { hop: 2.5, signal });
  const order: Order = await extractor.order([new Float32Array(9), [0.5, 0.25]], { sampleRate: 44100, gap: null });
  const continuity = await extractor.continuity(file);
  const [place, surety]: [number, number] = continuity.edits(0.9)[0];
  const seconds: number[] = continuity.stretches().map(({ start, end }) => end - start);
  await extractor.close();
  // @ts-expect-error: a rate is a number
  await extractor.extract(sound, { sampleRate: "44100" }).catch((error) => error instanceof AudioError);
  return found.embedding[0] + (found.tags.piano ?? 0) + order.permutation[0] + place + surety + seconds.length;
}
