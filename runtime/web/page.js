/** The page: takes a file and shows its findings. */
import { drawCurves, drawSpectrogram, drawStrips } from "./draw.js";
import { barItems, fillFacts, isDecided, strongest, tableRows } from "./findings.js";
import { Judge } from "./judge.js";
import { MusicfeatError } from "./index.js";

const STEPS = [1, 2, 4, 10]; // as parts of a window
const USUAL_STEP = 4;

const element = (id) => document.getElementById(id);
const judge = new Judge();
const shown = { picture: null, duration: 0, result: null };
let chosen = null;

async function ready() {
  const begin = performance.now();
  const card = await judge.card;
  const seconds = (parts) => `${Number((card.window / parts / card.sample_rate).toPrecision(3))} s`;
  element("step").replaceChildren(
    ...STEPS.map((parts) => new Option(seconds(parts), parts, parts === USUAL_STEP, parts === USUAL_STEP)),
  );
  element("step").disabled = false;
  element("tags").hidden = !card.outputs.includes("tags");
  if (!chosen) say(`${card.name} ${card.version} was loaded in ${((performance.now() - begin) / 1000).toFixed(1)} s.`);
}

async function judgeFile(file) {
  chosen = file;
  element("choose").textContent = `${file.name}. Choose another, or drop it here`;
  show({ picture: null, duration: 0, result: null });
  say(`Decoding ${file.name}…`);
  element("progress").classList.add("working");
  try {
    const result = await judge.judge(file, Number(element("step").value) || USUAL_STEP, { picture, progress });
    show({ result });
    say(`${file.name}: ${result.starts.length} windows judged, ${speed(result)} times as fast as it plays.`);
  } catch (error) {
    if (error.name === "AbortError") return; // Another file took its place.
    fail(error);
  }
  element("progress").classList.remove("working");
  element("progress").value = 0;
}

function picture({ picture, duration }) {
  show({ picture, duration });
}

function progress({ done, total }) {
  say(`Judging ${chosen.name}: window ${done} of ${total}…`);
  element("progress").value = done / total;
}

function speed({ duration, seconds }) {
  return (duration / seconds.total).toFixed(0);
}

function show(news) {
  Object.assign(shown, news);
  const { result } = shown;
  element("save").disabled = !result;
  fillFacts(element("facts"), result);
  element("bars").replaceChildren(...barItems(result));
  element("rows").replaceChildren(...tableRows(result));
  draw();
}

function draw() {
  const { picture, duration, result } = shown;
  drawSpectrogram(element("spectrogram"), picture, duration);
  // A window's value is drawn at the middle of its sound.
  const times = result ? result.starts.map((start, i) => (start + result.ends[i]) / 2) : [];
  const curves = [
    { values: result?.jigsaw ?? [], colour: "disordered", dashes: [6, 4] },
    { values: result?.reversal ?? [], colour: "backwards", dashes: [] },
  ];
  drawCurves(element("curves"), times, curves, duration, isDecided);
  const edges = [0, ...times.slice(1).map((time, i) => (times[i] + time) / 2), duration];
  const values = (tag) => result.tag_curve.map((row) => row[tag]);
  const strips = strongest(result).map(({ label, index }) => ({ label, values: values(index) }));
  drawStrips(element("strips"), edges, strips, duration);
  describe(result);
}

function describe(result) {
  const words = result ? `of ${result.file}, ${result.duration.toFixed(1)} s` : "no file yet";
  const all = result ? `; P(plays backwards) of the whole file ${result.pooled.reversed.toFixed(2)}` : "";
  element("spectrogram").ariaLabel = `Spectrogram, ${words}`;
  element("curves").ariaLabel = `P(plays backwards) and P(out of order) over time, ${words}${all}; numbers below`;
  element("strips").ariaLabel = `Tags over time, ${words}; numbers below`;
}

function say(words, wrong = false) {
  element("status").textContent = words;
  element("status").classList.toggle("wrong", wrong);
}

function fail(error) {
  say(error instanceof MusicfeatError ? error.message : `This went wrong: ${error.message}`, true);
}

function save() {
  const text = JSON.stringify(shown.result, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `${shown.result.file}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

element("form").addEventListener("submit", (event) => event.preventDefault());
element("file").addEventListener("change", ({ target }) => {
  if (target.files[0]) judgeFile(target.files[0]);
  target.value = ""; // Allows the same file to be chosen again; its name stands in the label.
});
element("step").addEventListener("change", () => chosen && judgeFile(chosen));
element("save").addEventListener("click", save);
for (const kind of ["dragover", "dragleave", "drop"]) {
  // Accepts a drop anywhere; otherwise the browser would open the file.
  window.addEventListener(kind, (event) => {
    event.preventDefault();
    element("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) judgeFile(event.dataTransfer.files[0]);
  });
}
new ResizeObserver(draw).observe(element("spectrogram"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
show({});
ready().catch(fail);
