/** Teaching of a tag by answers of yes and no to the tracks that it is least sure of. */
import { clock, h } from "./dom.js";
import { playButton } from "./sheet.js";

/** @returns {Promise<{close: () => void}>} */
export async function show(root, context) {
  new TeachView(root, context);
  return { close() {} };
}

class TeachView {
  #api;
  #player;
  #name = "";
  #input = h("input", { type: "text", placeholder: "calm", autocomplete: "off", pattern: "[a-z][a-z0-9_]*" });
  #told = h("p", { className: "told", role: "status" });
  #list = h("ol", { className: "clips" });
  #finish = h("button", { type: "button", disabled: true }, "Give the catalog this tag");

  constructor(root, { api, player }) {
    [this.#api, this.#player] = [api, player];
    const form = h("form", {}, h("label", {}, "Name of the tag", this.#input), h("button", { type: "submit" }, "Ask me"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#name = this.#input.value.trim();
      this.#ask(() => this.#api.lesson(this.#name));
    });
    this.#finish.addEventListener("click", () => this.#end());
    root.append(
      h("h2", {}, "Teach a tag of your own"),
      h("p", {}, "Say of a few tracks whether the tag holds, ten of each to be of use; nothing is decoded."),
      form,
      this.#told,
      this.#list,
      this.#finish,
    );
  }

  async #ask(request) {
    this.#say("Looking…");
    try {
      const found = await request();
      const { yes, no } = found.counts;
      this.#say(`${yes} yes, ${no} no. ${found.told ?? `${found.fewest} of each are needed to learn from.`}`);
      this.#finish.disabled = !found.told;
      this.#list.replaceChildren(...found.next.map((track) => this.#row(track)));
    } catch ({ message }) {
      this.#say(message, true);
    }
  }

  #row({ id, name, source, duration, present }) {
    const clip = { id, name, start: 0, url: this.#api.audio(id) };
    const listen = playButton(this.#player, clip, name);
    listen.disabled = present === false;
    const link = h("a", { href: `#/track/${id}` }, name);
    const what = h("span", { className: "what" }, link, h("small", {}, `${source || "–"} · ${clock(duration, 0)}`));
    const answers = ["yes", "no"].map((label) => {
      const button = h("button", { type: "button", "aria-label": `${label}: ${name}` }, label);
      button.addEventListener("click", () => this.#ask(() => this.#api.teach(this.#name, id, label)));
      return button;
    });
    return h("li", {}, listen, what, h("span", { className: "much" }, ...answers));
  }

  async #end() {
    this.#finish.disabled = true;
    this.#say("Filling the column…");
    try {
      this.#say((await this.#api.finishLesson(this.#name)).note);
    } catch ({ message }) {
      this.#say(message, true);
      this.#finish.disabled = false;
    }
  }

  #say(words, wrong = false) {
    this.#told.textContent = words;
    this.#told.classList.toggle("wrong", wrong);
  }
}
