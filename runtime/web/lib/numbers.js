/** Arithmetic as in numpy and Python. */

/** The nearest whole number; halves go to the even one. */
export function round(x) {
  const whole = Math.round(x);
  return Math.abs(x % 1) === 0.5 && whole % 2 ? whole - 1 : whole;
}

/** ln(sum(e^x)) without overflow. */
export function logSumExp(values) {
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (most === -Infinity) return most;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** The index of the greatest value, the first of equal ones. */
export function argmax(values) {
  return values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
}

/** 1 / (1 + e^-x), finite everywhere. */
export function logistic(x) {
  return 1 / (1 + Math.exp(-Math.min(Math.max(x, -700), 700)));
}

/** Uniform draws from 0 to 1, always the same (Mulberry32 by T. Ettinger). */
export function draws(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
