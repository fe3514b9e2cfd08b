/**
 * Fast Fourier transform of one size, best with small prime factors (Stockham's self-sorting form of Cooley and Tukey
 * 1965: radix 4 and 2, and any odd radix).
 */
export class FFT {
  #stages;
  #re;
  #im;

  /** @param {number} size at least 1 */
  constructor(size) {
    this.size = size;
    this.#re = new Float64Array(size);
    this.#im = new Float64Array(size);
    this.#stages = [];
    let [length, stride] = [size, 1];
    for (const radix of radices(size)) {
      this.#stages.push(stage(radix, length, stride));
      length /= radix;
      stride *= radix;
    }
  }

  /**
   * Transform complex numbers in place, unscaled. Swapped parts give the inverse, `size` times too large.
   * @param {Float64Array} re [size] real parts
   * @param {Float64Array} im [size] imaginary parts
   */
  transform(re, im) {
    let [a, b, c, d] = [re, im, this.#re, this.#im];
    for (const one of this.#stages) {
      one.step(one, a, b, c, d);
      [a, b, c, d] = [c, d, a, b];
    }
    if (a === re) return;
    re.set(a);
    im.set(b);
  }
}

/** The largest prime factor of a size; transforms of sizes with large factors are slow. */
export function largestFactor(size) {
  return Math.max(1, ...radices(size).map((radix) => (radix === 4 ? 2 : radix)));
}

function radices(size) {
  const found = [];
  let rest = size;
  for (const radix of [4, 2]) for (; rest % radix === 0; rest /= radix) found.push(radix);
  for (let radix = 3; rest > 1; radix += 2) for (; rest % radix === 0; rest /= radix) found.push(radix);
  return found;
}

/** The twiddle factors of a stage: `radix - 1` of them for each of its `groups`. */
function stage(radix, length, stride) {
  const groups = length / radix;
  const [cos, sin] = [new Float64Array(groups * (radix - 1)), new Float64Array(groups * (radix - 1))];
  for (let p = 0, i = 0; p < groups; p++) {
    for (let k = 1; k < radix; k++, i++) {
      cos[i] = Math.cos((2 * Math.PI * p * k) / length);
      sin[i] = -Math.sin((2 * Math.PI * p * k) / length);
    }
  }
  const step = { 2: radix2, 4: radix4 }[radix] ?? oddRadix;
  return { radix, groups, stride, cos, sin, step, unit: step === oddRadix ? unitCircle(radix) : null };
}

function radix2({ groups, stride, cos, sin }, re, im, toRe, toIm) {
  const far = groups * stride;
  for (let p = 0; p < groups; p++) {
    const c = cos[p];
    const s = sin[p];
    for (let q = p * stride, to = 2 * p * stride, end = q + stride; q < end; q++, to++) {
      const x = re[q] - re[q + far];
      const y = im[q] - im[q + far];
      toRe[to] = re[q] + re[q + far];
      toIm[to] = im[q] + im[q + far];
      toRe[to + stride] = x * c - y * s;
      toIm[to + stride] = x * s + y * c;
    }
  }
}

function radix4({ groups, stride, cos, sin }, re, im, toRe, toIm) {
  const far = groups * stride;
  for (let p = 0; p < groups; p++) {
    const c1 = cos[3 * p];
    const s1 = sin[3 * p];
    const c2 = cos[3 * p + 1];
    const s2 = sin[3 * p + 1];
    const c3 = cos[3 * p + 2];
    const s3 = sin[3 * p + 2];
    for (let q = p * stride, to = 4 * p * stride, end = q + stride; q < end; q++, to++) {
      const q1 = q + far;
      const q2 = q1 + far;
      const q3 = q2 + far;
      const evenRe = re[q] + re[q2];
      const evenIm = im[q] + im[q2];
      const apartRe = re[q] - re[q2];
      const apartIm = im[q] - im[q2];
      const oddRe = re[q1] + re[q3];
      const oddIm = im[q1] + im[q3];
      const turnRe = im[q1] - im[q3];
      const turnIm = re[q3] - re[q1];
      toRe[to] = evenRe + oddRe;
      toIm[to] = evenIm + oddIm;
      let x = apartRe + turnRe;
      let y = apartIm + turnIm;
      toRe[to + stride] = x * c1 - y * s1;
      toIm[to + stride] = x * s1 + y * c1;
      x = evenRe - oddRe;
      y = evenIm - oddIm;
      toRe[to + 2 * stride] = x * c2 - y * s2;
      toIm[to + 2 * stride] = x * s2 + y * c2;
      x = apartRe - turnRe;
      y = apartIm - turnIm;
      toRe[to + 3 * stride] = x * c3 - y * s3;
      toIm[to + 3 * stride] = x * s3 + y * c3;
    }
  }
}

/** Extra data of an odd radix: powers of its roots of unity, and buffers for sums and differences. */
function unitCircle(radix) {
  const half = (radix - 1) / 2;
  const angle = (i) => (2 * Math.PI * (Math.floor(i / half) + 1) * ((i % half) + 1)) / radix;
  return {
    cos: Float64Array.from({ length: half * half }, (_, i) => Math.cos(angle(i))),
    sin: Float64Array.from({ length: half * half }, (_, i) => Math.sin(angle(i))),
    room: new Float64Array(2 * radix),
  };
}

/** One odd-radix step; values j and radix - j share cosines with opposite sines, so sum and difference serve both. */
function oddRadix({ radix, groups, stride, cos, sin, unit }, re, im, toRe, toIm) {
  const [far, half, { room }] = [groups * stride, (radix - 1) / 2, unit];
  for (let p = 0; p < groups; p++) {
    for (let q = p * stride, to = radix * p * stride, end = q + stride; q < end; q++, to++) {
      let sumRe = re[q];
      let sumIm = im[q];
      for (let j = 1, place = 0; j <= half; j++, place += 4) {
        const a = q + j * far;
        const b = q + (radix - j) * far;
        sumRe += room[place] = re[a] + re[b];
        sumIm += room[place + 1] = im[a] + im[b];
        room[place + 2] = re[a] - re[b];
        room[place + 3] = im[a] - im[b];
      }
      toRe[to] = sumRe;
      toIm[to] = sumIm;
      for (let k = 1; k <= half; k++) {
        let x = re[q];
        let y = im[q];
        let u = 0;
        let v = 0;
        for (let j = 0, row = (k - 1) * half; j < half; j++, row++) {
          const c = unit.cos[row];
          const s = unit.sin[row];
          x += c * room[4 * j];
          y += c * room[4 * j + 1];
          u += s * room[4 * j + 3];
          v += s * room[4 * j + 2];
        }
        turned(toRe, toIm, to + k * stride, x + u, y - v, cos, sin, (radix - 1) * p + k - 1);
        turned(toRe, toIm, to + (radix - k) * stride, x - u, y + v, cos, sin, (radix - 1) * p + radix - k - 1);
      }
    }
  }
}

function turned(toRe, toIm, to, x, y, cos, sin, twiddle) {
  toRe[to] = x * cos[twiddle] - y * sin[twiddle];
  toIm[to] = x * sin[twiddle] + y * cos[twiddle];
}
