/** A recording's sheet with a switch that reverses the sound, the pictures and the model's results. */
import { h } from "./dom.js";
import { facts, percent, strongest } from "./findings.js";
import { bytes, sheet, text } from "./sheet.js";
import { address, backwards, decode, MOST_SECONDS } from "./sound.js";

const WAITING = "…";
const LIMIT = `Longer than ${MOST_SECONDS / 60} minutes: it is judged backwards, but cannot be heard so.`;

export class Turnable {
  #data;
  #player;
  #source;
  #judge;
  #picture = null;
  #forwards;
  #reversed = null;
  #wanted = null;
  #closed = false;
  #slot = h("div", {});

  /**
   * @param {object} data the model's results forwards
   * @param {object} player the page's
   * @param {{id: number|null, name: string, url: string}|null} clip null if it cannot be played, nor reversed
   * @param {() => Promise<object>} judge gives the model's results backwards
   * @param {Blob|undefined} file of the sound, if the clip's address can only be played
   */
  constructor(data, player, clip, judge, file = undefined) {
    [this.#data, this.#player, this.#source, this.#judge] = [data, player, file ?? clip?.url, judge];
    this.#forwards = sheet(data, { player, clip });
    this.switch = h("button", { type: "button", role: "switch", "aria-checked": "false" }, "Play it backwards");
    this.switch.disabled = !clip;
    this.switch.addEventListener("click", () => this.#turn());
    this.status = h("p", { className: "status", role: "status" });
    this.comparison = h("div", { className: "comparison", hidden: true });
    this.element = h("div", {}, this.comparison, this.#slot);
    this.#slot.append(this.#forwards.element);
  }

  /** @param {object} picture of /api/tracks/ID/picture */
  setPicture(picture) {
    this.#picture = picture;
    this.#forwards.setPicture(picture);
    this.#reversed?.sheet?.setPicture(flipped(picture));
  }

  /** @param {object} found `edited` of /api/tracks/ID/edits */
  setEdited(found) {
    this.#forwards.setEdited(found);
  }

  say(text, wrong = false) {
    this.status.textContent = text;
    this.status.classList.toggle("wrong", wrong);
  }

  close() {
    this.#closed = true;
    this.#forwards.close();
    this.#reversed?.sheet?.close();
    const url = this.#reversed?.clip?.url;
    if (!url) return;
    if (this.#player.current?.url === url) this.#player.pause();
    URL.revokeObjectURL(url);
  }

  get #on() {
    return this.switch.ariaChecked === "true";
  }

  /** Turn the switch; the data is fetched when it is first turned on. */
  async #turn() {
    this.switch.ariaChecked = String(!this.#on);
    this.comparison.hidden = !this.#on;
    this.#player.pause();
    const wanted = (this.#wanted = Symbol("the newest turn"));
    if (this.#on && !this.#reversed) {
      this.comparison.replaceChildren(compared(this.#data, null));
      this.say("The model listens to it backwards…");
      this.#reversed = { sheet: null, clip: null };
      this.#reversed.ready = this.#turnAround();
    }
    await this.#reversed?.ready;
    if (this.#closed || wanted !== this.#wanted) return;
    const turned = this.#on ? this.#reversed : null;
    this.#slot.replaceChildren((turned?.sheet ?? this.#forwards).element);
    if (turned?.clip) this.#player.play(turned.clip);
  }

  async #turnAround() {
    const short = this.#data.duration <= MOST_SECONDS;
    try {
      const sound = short ? decode(this.#source).then(backwards) : Promise.reject(new Error(LIMIT));
      const [judged, heard] = await Promise.allSettled([this.#judge(), sound]);
      if (judged.status === "rejected") throw judged.reason;
      if (this.#closed) return;
      const name = `${this.#data.name}, backwards`;
      const clip = heard.value ? { id: null, name, url: address(heard.value) } : null;
      this.#reversed.clip = clip;
      this.#reversed.sheet = sheet(judged.value, { player: this.#player, clip });
      if (this.#picture) this.#reversed.sheet.setPicture(flipped(this.#picture));
      this.comparison.replaceChildren(compared(this.#data, judged.value));
      this.say(heard.reason?.message ?? "");
    } catch (error) {
      this.#reversed = null;
      this.switch.ariaChecked = "false";
      this.comparison.hidden = true;
      this.say(error.message, true);
    }
  }
}

/** The model's results for a track forwards, and backwards beside them. */
function compared(forwards, reversed) {
  const said = (data) => {
    if (!data) return Array(3).fill(WAITING);
    const tags = strongest(data, 3).map(({ label, share }) => `${label} ${percent(share)}`);
    return [...facts(data).slice(0, 2).map(([, value, note]) => `${value}: ${note}`), tags.join(", ") || "–"];
  };
  const [ahead, behind] = [said(forwards), said(reversed)];
  const names = ["Plays backwards?", "Pieces out of order?", "Strongest tags"];
  const cells = (i) => [h("th", { scope: "row" }, names[i]), h("td", {}, ahead[i]), h("td", {}, behind[i])];
  const heads = ["The model says", "Forwards", "Backwards"].map((text) => h("th", { scope: "col" }, text));
  const body = h("tbody", {}, ...names.map((_, i) => h("tr", {}, ...cells(i))));
  return h("table", {}, h("thead", {}, h("tr", {}, ...heads)), body);
}

/** The picture of the same sound reversed: frames in reverse order, and the pairs of peaks too. */
function flipped({ frames, bands, spectrogram, peaks, duration }) {
  const columns = (packed, size) => {
    const values = bytes(packed);
    const parts = Array.from({ length: values.length / size }, (_, i) => values.subarray(i * size, (i + 1) * size));
    return text(parts.reverse().flatMap((part) => [...part]));
  };
  return { duration, frames, bands, spectrogram: columns(spectrogram, bands), peaks: columns(peaks, 2) };
}
