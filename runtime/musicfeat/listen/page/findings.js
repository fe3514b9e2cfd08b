/** Numbers and words for the model's results on a recording, in the form of /api/tracks/ID. */
import { isDecided } from "./curves.js";
import { clock, counted } from "./dom.js";

const CLIP = 1e-4;
const MOST_TAGS = 8;
const SURE = 0.75;
const KINDS = { reversed: "plays backwards", spliced: "cut" };

/** Mean log-odds over windows, weighted by the sound that only each holds, as one probability; null if unknown. */
export function pooled(probabilities, { starts, ends }) {
  let [total, weights] = [0, 0];
  probabilities.forEach((p, i) => {
    if (!Number.isFinite(p)) return;
    const weight = (starts[i + 1] ?? ends[i]) - starts[i];
    const clipped = Math.min(Math.max(p, CLIP), 1 - CLIP);
    total += weight * Math.log(clipped / (1 - clipped));
    weights += weight;
  });
  return weights ? 1 / (1 + Math.exp(-total / weights)) : null;
}

/** The most probable tags of the whole recording, as {label, values, share}. */
export function strongest({ tags, starts, ends }, most = MOST_TAGS) {
  const weights = starts.map((start, i) => (starts[i + 1] ?? ends[i]) - start);
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const share = (values) => values.reduce((sum, value, i) => sum + (value ?? 0) * weights[i], 0) / whole;
  return Object.entries(tags ?? {})
    .map(([label, values]) => ({ label: label.replaceAll("_", " "), values, share: share(values) }))
    .sort((a, b) => b.share - a.share)
    .slice(0, most);
}

/** The four facts of a recording, as [name, value, note]. */
export function facts(data) {
  const backwards = data.reversed ?? pooled(data.reversal, data);
  const disorder = pooled(data.jigsaw, data);
  return [
    ["Plays backwards", percent(backwards), verdict(backwards, "yes", "no, it plays forwards")],
    ["Pieces out of order", percent(disorder), verdict(disorder, "yes", "no, they follow each other")],
    ["Suspicious places", String(data.suspicious.length), suspects(data.suspicious)],
    ["Length", clock(data.duration, 0), counted(data.starts.length, "window")],
  ];
}

export function percent(probability) {
  if (!Number.isFinite(probability)) return "–";
  return `${(100 * probability).toFixed(Math.abs(probability - 0.5) < 0.4 ? 0 : 1)} %`;
}

function verdict(probability, yes, no) {
  if (!Number.isFinite(probability)) return "not known";
  if (probability > SURE) return yes;
  return probability < 1 - SURE ? no : "the model is not sure";
}

function suspects(places) {
  const cuts = places.filter(({ kind }) => kind === "spliced").length;
  const stretches = places.length - cuts;
  const backwards = stretches === 1 ? "1 stretch backwards" : `${stretches} stretches backwards`;
  return [cuts && counted(cuts, "cut"), stretches && backwards].filter(Boolean).join(", ") || "none found";
}

/** Time and kind of a place, in words. */
export function told({ start, end, kind, probability }) {
  const where = end > start ? `${clock(start)} to ${clock(end)}` : clock(start);
  return { where, what: KINDS[kind] ?? kind, probability: percent(probability) };
}

/** A description of the pictures for people who cannot see them. */
export function alternatives(data) {
  const { duration, suspicious, edited = {} } = data;
  const places = suspicious.map(told).map(({ where, what }) => `${what} at ${where}`);
  const marked = places.length ? ` Marked: ${places.join("; ")}.` : "";
  const times = middles(data);
  const named = strongest(data).map(({ label, share }) => `${label} ${percent(share)}`);
  return {
    waveform: `Waveform of ${clock(duration)} of sound.${marked}`,
    spectrogram: `Spectrogram of ${clock(duration)} of sound, 30 Hz to 7.2 kHz.`,
    edited: `${moments("P(cut)", edited.cut)} ${moments("P(backwards)", edited.backwards)}${marked}`,
    curves: `${range("P(backwards)", data.reversal, times)} ${range("P(out of order)", data.jigsaw, times)}${marked}`,
    tags: `Tags over time, the strongest first: ${named.join(", ")}.`,
  };
}

/** Seconds of the middle of each window. */
export function middles({ starts, ends }) {
  return starts.map((start, i) => (start + ends[i]) / 2);
}

function moments(name, curve) {
  return range(name, curve?.values ?? [], curve?.times ?? []);
}

function range(name, values, times) {
  const known = values.map((value, i) => [value, times[i]]).filter(([value]) => isDecided(value));
  if (!known.length) return `${name} is not known.`;
  const [least, most] = known.reduce(([low, high], [p]) => [Math.min(low, p), Math.max(high, p)], [1, 0]);
  const [, time] = known.find(([value]) => value === most);
  return `${name} lies between ${percent(least)} and ${percent(most)}, the highest at ${clock(time)}.`;
}

/** A row of texts for each window, under the headings `COLUMNS`. */
export function rows(data) {
  const tags = Object.entries(data.tags ?? {});
  return data.starts.map((start, i) => {
    const [label, value] = tags.map(([name, values]) => [name, values[i]]).sort((a, b) => b[1] - a[1])[0] ?? [];
    const numbers = [data.reversal[i], data.jigsaw[i]].map((p) => (isDecided(p) ? percent(p) : "undecided"));
    const tag = value > 0 ? `${label.replaceAll("_", " ")} ${percent(value)}` : "–";
    return [clock(start), clock(data.ends[i]), ...numbers, tag];
  });
}

export const COLUMNS = ["From", "To", "Backwards", "Out of order", "Strongest tag"];

/** Times at which one window's value ends and the next one's begins: n + 1 seconds. */
export function edges({ starts, ends }) {
  const middles = starts.map((start, i) => (start + ends[i]) / 2);
  return [starts[0], ...middles.slice(1).map((middle, i) => (middles[i] + middle) / 2), ends.at(-1)];
}
