/** The pieces of a jigsaw as cards: played one by one or as a whole, moved by pointer or keys. */
import { h } from "./dom.js";
import { playButton } from "./sheet.js";
import { address, decode, duration, joined, peaks } from "./sound.js";

const COLUMNS = 90;
const KEYS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

export function letter(piece) {
  return String.fromCharCode(65 + piece);
}

export class Pieces {
  #cards;
  #player;
  #say;
  #whole = null;
  #show = () => this.#showPlaying();

  /** @param {{url: string}[]} pieces @param {object} player the page's @param {(text: string) => void} say aloud */
  static async load(pieces, player, say) {
    return new Pieces(pieces, await Promise.all(pieces.map(({ url }) => decode(url))), player, say);
  }

  constructor(pieces, sounds, player, say) {
    [this.#player, this.#say] = [player, say];
    this.#cards = sounds.map((sound, piece) => this.#card(sound, piece, pieces[piece].url));
    this.element = h("ol", { className: "pieces" }, ...this.#cards.map(({ element }) => element));
    for (const kind of ["change", "time"]) player.addEventListener(kind, this.#show);
    this.#settle();
  }

  /** Indices of the pieces in their current order. */
  get order() {
    return [...this.element.children].map((element) => this.#cards.findIndex((card) => card.element === element));
  }

  /** Play all pieces without a gap, in their current order. */
  playWhole() {
    this.#dropWhole();
    const order = this.order;
    const url = address(joined(order.map((piece) => this.#cards[piece].sound)));
    this.#whole = { url, order };
    this.#player.play({ name: `Pieces ${order.map(letter).join(", ")}`, url });
  }

  /** Put the pieces in an order, and play them. */
  arrange(order) {
    this.element.append(...order.map((piece) => this.#cards[piece].element));
    this.#settle();
    this.mark(order);
    this.playWhole();
  }

  /** Mark the pieces that are in the right place. */
  mark(right) {
    this.order.forEach((piece, i) => {
      this.#cards[piece].element.classList.toggle("fits", piece === right[i]);
      this.#cards[piece].element.classList.toggle("misfits", piece !== right[i]);
    });
  }

  close() {
    for (const kind of ["change", "time"]) this.#player.removeEventListener(kind, this.#show);
    if (this.#cards.some(({ url }) => url === this.#player.current?.url)) this.#player.pause();
    this.#dropWhole();
  }

  #dropWhole() {
    if (!this.#whole) return;
    if (this.#player.current?.url === this.#whole.url) this.#player.pause();
    URL.revokeObjectURL(this.#whole.url);
    this.#whole = null;
  }

  #card(sound, piece, url) {
    const name = letter(piece);
    const picture = outline(peaks(sound, COLUMNS));
    const play = playButton(this.#player, { id: null, name: `Piece ${name}`, start: 0, url }, `piece ${name}`);
    const step = (text, by, where) => {
      const button = h("button", { type: "button", className: "step", "aria-label": `Move ${name} ${where}` }, text);
      button.addEventListener("click", () => this.#move(element, by));
      return button;
    };
    const steps = [step("‹", -1, "earlier"), step("›", 1, "later")];
    const grip = h("div", { className: "grip" }, h("b", {}, name), picture);
    const element = h("li", { className: "piece" }, grip, h("div", { className: "hands" }, steps[0], play, steps[1]));
    element.addEventListener("keydown", (event) => {
      if (!KEYS[event.key]) return;
      event.preventDefault();
      this.#move(element, KEYS[event.key]);
    });
    grip.addEventListener("pointerdown", (event) => this.#drag(event, element, grip));
    return { element, steps, sound, url };
  }

  #move(element, by) {
    const other = by < 0 ? element.previousElementSibling : element.nextElementSibling;
    if (!other) return;
    const focused = document.activeElement;
    if (by < 0) other.before(element);
    else other.after(element);
    this.#settle();
    if (element.contains(focused)) (focused.disabled ? element.querySelector(".play") : focused).focus();
    const place = [...this.element.children].indexOf(element) + 1;
    this.#say(`${element.querySelector("b").textContent} is now number ${place} of ${this.#cards.length}.`);
  }

  /** Drag by pointer: a card changes places with the one that it is dragged over. */
  #drag(event, element, grip) {
    if (event.button !== 0) return;
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    element.classList.add("dragged");
    const over = ({ clientX: x, clientY: y }) => {
      const target = document.elementsFromPoint(x, y).map((found) => found.closest(".piece")).find(Boolean);
      if (!target || target === element || target.parentNode !== this.element) return;
      const order = [...this.element.children];
      if (order.indexOf(target) < order.indexOf(element)) target.before(element);
      else target.after(element);
      grip.setPointerCapture(event.pointerId);
      this.#settle();
    };
    const done = () => {
      element.classList.remove("dragged");
      grip.removeEventListener("pointermove", over);
    };
    grip.addEventListener("pointermove", over);
    for (const kind of ["pointerup", "pointercancel"]) grip.addEventListener(kind, done, { once: true });
  }

  /** Update after a move: no stepping beyond the ends, and no marks of an earlier answer. */
  #settle() {
    const order = this.order;
    order.forEach((piece, i) => {
      const { element, steps } = this.#cards[piece];
      element.classList.remove("fits", "misfits");
      steps[0].disabled = i === 0;
      steps[1].disabled = i === order.length - 1;
    });
  }

  #showPlaying() {
    const { current, playing, time } = this.#player;
    const url = playing ? current.url : null;
    const lengths = this.#whole?.order.map((piece) => duration(this.#cards[piece].sound)) ?? [];
    let end = 0;
    const index = lengths.findIndex((length) => time < (end += length));
    this.#cards.forEach((card, piece) => {
      const whole = url !== null && url === this.#whole?.url && this.#whole.order[index] === piece;
      card.element.classList.toggle("heard", whole || (url !== null && url === card.url));
    });
  }
}

/** A small waveform, drawn as a shape in the colour of the text. */
function outline(values) {
  const space = "http://www.w3.org/2000/svg";
  const [svg, path] = [document.createElementNS(space, "svg"), document.createElementNS(space, "path")];
  const columns = values.length / 2;
  const bars = Array.from({ length: columns }, (_, i) => {
    const [low, high] = [values[2 * i], values[2 * i + 1]];
    return `M${i + 0.5} ${-high - 1}V${-low + 1}`;
  });
  path.setAttribute("d", bars.join(""));
  svg.setAttribute("viewBox", `0 -128 ${columns} 256`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}
