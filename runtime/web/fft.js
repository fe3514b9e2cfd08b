/** Fast Fourier transform of one power-of-two size (Cooley and Tukey 1965, radix 2, decimation in time). */
export class FFT {
  /** @param {number} size a power of two */
  constructor(size) {
    this.size = size;
    this.cos = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.sin = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
    this.reversed = new Uint32Array(size);
    for (let i = 1; i < size; i++) this.reversed[i] = (this.reversed[i >> 1] >> 1) | (i & 1 ? size >> 1 : 0);
  }

  /**
   * Transform complex numbers in place, unscaled. With the parts swapped it is the inverse, `size` times too large.
   * @param {Float64Array} re [size] real parts
   * @param {Float64Array} im [size] imaginary parts
   */
  transform(re, im) {
    this.#permute(re);
    this.#permute(im);
    const { size, cos, sin } = this;
    for (let half = 1, stride = size / 2; half < size; half *= 2, stride /= 2) {
      for (let k = 0; k < half; k++) {
        const c = cos[k * stride];
        const s = sin[k * stride];
        for (let a = k; a < size; a += 2 * half) {
          const b = a + half;
          const x = re[b] * c - im[b] * s;
          const y = re[b] * s + im[b] * c;
          re[b] = re[a] - x;
          im[b] = im[a] - y;
          re[a] += x;
          im[a] += y;
        }
      }
    }
  }

  #permute(values) {
    for (let i = 0; i < this.size; i++) {
      const j = this.reversed[i];
      if (i >= j) continue;
      const value = values[i];
      values[i] = values[j];
      values[j] = value;
    }
  }
}
