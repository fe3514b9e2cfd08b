/** Two versions of a recording: the edits that lead from one track to another, each to be heard in both. */
import { clock, counted, h } from "./dom.js";
import { playButton } from "./sheet.js";

const LISTED = 50;
const PAUSE = 200; // ms without a key before the search starts
const PACE = 5e-4; // of speed, which is too little to tell

/** @returns {Promise<{close: () => void}>} */
export async function show(root, { api, player, id, start }) {
  const told = h("p", { className: "told", role: "status" });
  const slot = h("div", { className: "slot" });
  const sides = [await chooser(api, "The original", id), await chooser(api, "The version of it", start)];
  const submit = h("button", { type: "submit" }, "Compare");
  const form = h("form", {}, ...sides.map(({ element }) => element), submit);
  const view = { closed: false, turn: 0 };
  const ask = async () => {
    const turn = ++view.turn;
    const [first, second] = sides.map(({ chosen }) => chosen());
    if (first === null || second === null) return say(told, "Choose two tracks.", true);
    history.replaceState(null, "", `#/compare/${first}/${second}`);
    say(told, "Listening to both…");
    try {
      const found = await api.compare(first, second);
      if (view.closed || turn !== view.turn) return;
      say(told, summary(found));
      slot.replaceChildren(table(found, { api, player }));
    } catch ({ message }) {
      if (!view.closed && turn === view.turn) say(told, message, true);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  const what =
    "The second may be coded, levelled, equalised, or up to 6 % faster or slower; times of its edits are exact to " +
    "some hundredths of a second.";
  root.append(h("h2", {}, "What was edited between two versions of a recording"), h("p", {}, what), form, told, slot);
  if (id !== null && start !== null) ask();
  return {
    close() {
      view.closed = true;
    },
  };
}

function say(told, words, wrong = false) {
  told.textContent = words;
  told.classList.toggle("wrong", wrong);
}

/** A search box and the tracks it finds; `id` is the track chosen at first. */
async function chooser(api, title, id) {
  const search = h("input", { type: "search", placeholder: "Search by name", autocomplete: "off" });
  const select = h("select", { "aria-label": title });
  const option = ({ id: value, name }) => h("option", { value }, name);
  const fill = async () => {
    const found = await api.tracks({ search: search.value.trim(), limit: LISTED }).catch(() => []);
    select.replaceChildren(...found.map(option));
  };
  await fill();
  if (id !== null) {
    if (![...select.options].some(({ value }) => Number(value) === id)) select.prepend(option(await api.track(id)));
    select.value = id;
  }
  let timer = null;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(fill, PAUSE);
  });
  const element = h("fieldset", {}, h("legend", {}, title), h("label", {}, h("small", {}, "Search"), search), select);
  return { element, chosen: () => (select.value === "" ? null : Number(select.value)) };
}

function summary({ entries, second, speed }) {
  const edits = entries.filter(({ kind }) => kind !== "kept");
  const shared = entries.filter(({ kind }) => kind !== "inserted").reduce((sum, { second: [a, b] }) => sum + b - a, 0);
  const pace = Math.abs(speed - 1) < PACE ? "" : `; it is played ${percent(speed)}`;
  const share = Math.round((100 * shared) / second.duration);
  return `${counted(edits.length, "edit")}; ${share} % of the version is in the original${pace}.`;
}

function percent(speed) {
  return `${(100 * Math.abs(speed - 1)).toFixed(1)} % ${speed > 1 ? "faster" : "slower"}`;
}

function table({ entries, tracks }, sound) {
  const heads = ["What", "In the original", "In the version"].map((text) => h("th", { scope: "col" }, text));
  const rows = entries.map((entry) => {
    const what = entry.kind === "speed changed" ? `${entry.kind}, ${percent(entry.speed)}` : entry.kind;
    const spans = [entry.first, entry.second];
    const cells = spans.map((span, i) => h("td", {}, ...place(span, tracks[i], entry.kind, sound)));
    return h("tr", { className: entry.kind === "kept" ? "kept" : "" }, h("th", { scope: "row" }, what), ...cells);
  });
  return h("table", { className: "versions" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows));
}

/** Where an entry is in a track, and a button to hear it there; a point has nothing to hear. */
function place([start, end], { id, name }, kind, { api, player }) {
  if (end <= start) return [h("span", {}, `at ${clock(start, 2)}`)];
  const clip = { id, name, url: api.audio(id), start, end };
  const where = `${clock(start, 2)} to ${clock(end, 2)}`;
  return [playButton(player, clip, `${kind}, ${where} in ${name}`), h("span", {}, where)];
}
