/** Dimensions of the embedding, each with the clips that excite it most, to see and hear. */
import { clock, h } from "./dom.js";

const SHOWN = 12; // clips per dimension
const MOST = 12; // dimensions at once

/** @returns {Promise<{close: () => void}>} */
export async function show(root, context) {
  const view = new DimensionsView(root, context);
  await view.ask();
  return view;
}

class DimensionsView {
  #api;
  #player;
  #dimension;
  #numbers = h("input", { type: "text", value: "0, 1, 2", inputMode: "numeric", autocomplete: "off" });
  #sum = h("input", { type: "checkbox" });
  #told = h("p", { className: "told", role: "status" });
  #answers = h("div", { className: "answers" });
  #buttons = [];
  #turn = 0;
  #watch = new AbortController();

  constructor(root, { api, player, catalog }) {
    [this.#api, this.#player, this.#dimension] = [api, player, catalog.dimension];
    root.append(
      h("h2", {}, "Clips that excite a dimension of the embedding"),
      h(
        "p",
        {},
        "Every window of sound is a list of numbers. For each number, these are the clips where it is greatest, " +
          "in standard deviations above the catalog's mean; one a track, from as many sources as there are.",
      ),
      this.#form(),
      this.#told,
      this.#answers,
    );
    player.addEventListener("change", () => this.#mark(), { signal: this.#watch.signal });
  }

  close() {
    this.#watch.abort();
  }

  #form() {
    const last = this.#dimension - 1;
    const submit = h("button", { type: "submit" }, "Show");
    const others = h("button", { type: "button" }, "Three at random");
    others.addEventListener("click", () => this.#draw());
    this.#sum.addEventListener("change", () => this.ask());
    const form = h(
      "form",
      {},
      h("label", {}, `Dimensions, 0 to ${last}, with commas`, this.#numbers),
      submit,
      others,
      h("label", { className: "check" }, this.#sum, "their sum instead"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    return form;
  }

  #draw() {
    const drawn = new Set();
    while (drawn.size < Math.min(3, this.#dimension)) drawn.add(Math.floor(Math.random() * this.#dimension));
    this.#numbers.value = [...drawn].sort((a, b) => a - b).join(", ");
    this.ask();
  }

  #wanted() {
    const parts = this.#numbers.value.split(/[\s,;]+/).filter(Boolean);
    const numbers = [...new Set(parts.map(Number))];
    const fits = (number) => Number.isInteger(number) && number >= 0 && number < this.#dimension;
    return numbers.length && numbers.length <= MOST && numbers.every(fits) ? numbers : null;
  }

  async ask() {
    const turn = ++this.#turn;
    const wanted = this.#wanted();
    if (!wanted) return this.#say(`Write 1 to ${MOST} numbers from 0 to ${this.#dimension - 1}, such as 3, 17`, true);
    this.#say("Looking…");
    try {
      const found = await this.#api.dimensions(wanted, { k: SHOWN, sum: this.#sum.checked });
      if (turn !== this.#turn) return;
      this.#say("");
      this.#buttons = [];
      this.#answers.replaceChildren(...found.map((answer) => this.#card(answer, wanted)));
      this.#mark();
    } catch ({ message }) {
      if (turn === this.#turn) this.#say(message, true);
    }
  }

  #say(words, wrong = false) {
    this.#told.textContent = words;
    this.#told.classList.toggle("wrong", wrong);
  }

  #card({ dimension, clips }, wanted) {
    const title = dimension === null ? `Sum of ${wanted.join(", ")}` : `Dimension ${dimension}`;
    const most = Math.max(...clips.map(({ value }) => value), 1e-9);
    const rows = clips.map((clip) => this.#row(clip, most));
    const none = clips.length ? null : h("p", {}, "No clip with sound.");
    return h("section", { "aria-label": title }, h("h2", {}, title), none, h("ol", { className: "clips" }, ...rows));
  }

  #row(clip, most) {
    const { id, name, source, start, end, value, present } = clip;
    const listen = h("button", { type: "button", className: "play" });
    listen.disabled = present === false;
    listen.addEventListener("click", () => this.#playOrPause(clip));
    this.#buttons.push({ listen, clip });
    const link = h("a", { href: `#/track/${id}/${start}`, title: name }, name);
    const what = h(
      "span",
      { className: "what" },
      link,
      h("small", {}, `${source || "–"} · ${clock(start)}–${clock(end)}`),
    );
    const amount = h("meter", { min: 0, max: most, value: Math.max(0, value), "aria-label": `Excited by ${name}` });
    return h("li", {}, listen, what, h("span", { className: "much" }, h("small", {}, `${value.toFixed(1)} σ`), amount));
  }

  #playOrPause({ id, name, start, end, present }) {
    if (this.#player.plays(id, start)) this.#player.pause();
    else this.#player.play({ id, name, start, end, present });
  }

  #mark() {
    for (const { listen, clip } of this.#buttons) {
      const plays = this.#player.plays(clip.id, clip.start);
      listen.classList.toggle("playing", plays);
      listen.ariaLabel = `${plays ? "Pause" : "Play"} ${clip.name} at ${clock(clip.start)}`;
    }
  }
}
