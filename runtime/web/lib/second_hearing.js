/** Second hearing of windows that seem to hold a cut: the rules of `musicfeat/sequence/second_hearing.py`. */
import { logOdds, logOddsAt } from "./curves.js";
import { argmax, logistic } from "./numbers.js";

const SUSPICIOUS = 0.25;
const SLOWER = 1.06;
const SURER = 1.4;

/**
 * P(cut) of a window whose first hearing gave `cut`.
 * @param {Float32Array} samples of the window
 * @param {Float32Array} cut P(cut) at the card's moments
 * @param {object} card of the model
 * @param {(window: Float32Array) => Promise<Float32Array>} run a window's P(cut)
 * @returns {Promise<Float32Array>}
 */
export async function heardAgain(samples, cut, card, run) {
  const likeliest = argmax(cut);
  if (!(cut[likeliest] >= SUSPICIOUS)) return cut;
  const [step, first] = card.curves.cut;
  const from = startOf((first + step * likeliest) * card.sample_rate, card.window);
  const second = await run(slower(samples, from));
  const offset = from / card.sample_rate;
  return cut.map((p, i) => {
    const place = ((first + step * i) * SLOWER - offset - first) / step;
    if (!(0 <= place && place <= cut.length - 1)) return p;
    return logistic((SURER * (logOdds(p) + logOddsAt(second, place))) / 2);
  });
}

/** First sample to be heard of the slower window, so that a place of the window comes in the middle if it can. */
function startOf(place, window) {
  const last = Math.floor((window - 1) * (SLOWER - 1));
  return Math.min(Math.max(Math.floor(place * SLOWER - window / 2), 0), last);
}

/** A window played slower, from the sample `from` of the longer one on. */
function slower(samples, from) {
  return samples.map((_, i) => {
    const place = (from + i) / SLOWER;
    const before = Math.floor(place);
    const share = place - before;
    return share ? (1 - share) * samples[before] + share * samples[before + 1] : samples[before];
  });
}
