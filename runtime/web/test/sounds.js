/** Sound for the tests: plucked notes of a repeating tune, which give it a beat and a direction. */
export const RATE = 44100;

/** @returns {Float32Array} mono at `RATE` */
export function tune(seconds) {
  const wave = new Float32Array(seconds * RATE);
  const notes = [0, 7, 12, 7, 3, 10, 15, 10, 5, 12, 17, 12, 7, 14, 19, 14];
  for (let beat = 0; beat * 0.25 < seconds; beat++) {
    const hertz = 220 * 2 ** (notes[beat % notes.length] / 12);
    const begin = Math.round(beat * 0.25 * RATE);
    for (let i = 0; i < RATE && begin + i < wave.length; i++) {
      const time = i / RATE;
      const level = 0.1 * Math.exp(-5 * time);
      for (let h = 1; h < 6; h++) wave[begin + i] += (level / h) * Math.sin(2 * Math.PI * hertz * h * time);
    }
  }
  return wave;
}

/** The largest difference between two nested lists of numbers. */
export function distance(a, b) {
  if (typeof a === "number") return Math.abs(a - b);
  return a.length === b.length ? Math.max(0, ...Array.from(a, (value, i) => distance(value, b[i]))) : Infinity;
}
