/** The findings as elements: facts, bars and a table. Without findings, the same room is kept. */
import { clock } from "./draw.js";

const MOST_TAGS = 8;
const NOTHING = "–";

/** The most probable tags of the whole file, as {label, index, share}, index being that in `labels`. */
export function strongest(result) {
  if (!result?.tag_curve) return [];
  return result.labels
    .map((label, index) => ({ label: readable(label), index, share: result.pooled.tags[label] }))
    .sort((a, b) => b.share - a.share)
    .slice(0, MOST_TAGS);
}

/** Fills in the value and the note of each fact on the page; dashes without a result. */
export function fillFacts(list, result) {
  const took = (seconds) => [
    `${seconds.toFixed(seconds < 1 ? 3 : 2)} s`,
    `${(result.duration / seconds).toFixed(0)} × real time`,
  ];
  const facts = {
    reversed: () => [result.pooled.reversed.toFixed(3), "of the whole file"],
    length: () => [`${result.duration.toFixed(1)} s`, rates(result)],
  };
  for (const cell of list.querySelectorAll("[data-fact]")) {
    const name = cell.dataset.fact;
    const [value, note] = result ? (facts[name]?.() ?? took(result.seconds[name])) : [NOTHING, ""];
    cell.replaceChildren(value, make("small", note));
  }
}

function rates({ sr, sr_declared: declared }) {
  return `${sr / 1000} kHz${declared ? "" : ", the browser's rate"}`;
}

/** The strongest tags with a bar each; without a result, as many nameless ones. */
export function barItems(result) {
  const nameless = Array(MOST_TAGS).fill({ label: NOTHING, share: 0 });
  return (result ? strongest(result) : nameless).map(({ label, share }) => {
    const bar = make("i");
    bar.style.setProperty("--share", share);
    return make("li", make("span", label), bar, result ? share.toFixed(2) : "");
  });
}

/** A row for each window. */
export function tableRows(result) {
  return (result?.starts ?? []).map((start, i) => {
    const numbers = [result.reversal[i], result.jigsaw[i]].map((p) => (isDecided(p) ? p.toFixed(3) : "undecided"));
    const cells = [moment(start), moment(result.ends[i]), ...numbers, result.silent[i] ? "silent" : topTag(result, i)];
    return make("tr", ...cells.map((text) => make("td", text)));
  });
}

/** Whether a probability was decided; the features give exactly one half for an undecided window. */
export function isDecided(probability) {
  return probability !== 0.5;
}

function moment(time) {
  return `${clock(Math.floor(time))}.${Math.floor((time % 1) * 10)}`;
}

function topTag({ tag_curve: curve, labels }, i) {
  if (!curve) return NOTHING;
  const most = Math.max(...curve[i]);
  return `${readable(labels[curve[i].indexOf(most)])} ${most.toFixed(2)}`;
}

function readable(label) {
  return label.replaceAll("_", " ");
}

function make(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}
