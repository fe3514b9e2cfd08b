/** The jigsaw: shuffled pieces of a track, put in order by ear; then the model's answer beside the player's. */
import { counted, h } from "./dom.js";
import { percent } from "./findings.js";
import { letter, Pieces } from "./pieces.js";

const RULES = `A few seconds of music, cut and shuffled. Listen, drag the pieces into order (or use the arrow keys), and
see whether the model agrees.`;
const COUNTS = [3, 4, 5, 6];
/** Score while the page is open. */
const score = { games: 0, you: 0, model: 0 };
const chosen = { pieces: 3 };

/** @returns {Promise<{close: () => void}>} */
export async function show(root, context) {
  const game = new Game(root, context);
  game.begin();
  return game;
}

class Game {
  #context;
  #pieces = null;
  #token = null;
  #turn = 0;
  #table = h("div", { className: "table" });
  #status = h("p", { className: "status", role: "status" });
  #answer = h("div", { className: "answer" });
  #score = h("p", { className: "score" });
  #whole = h("button", { type: "button" }, "Play in this order");
  #check = h("button", { type: "button", className: "main" }, "Check");

  constructor(root, context) {
    this.#context = context;
    const options = COUNTS.map((count) => h("option", { value: count, selected: count === chosen.pieces }, count));
    const count = h("select", {}, ...options);
    const again = h("button", { type: "button" }, "New pieces");
    count.addEventListener("change", () => {
      chosen.pieces = Number(count.value);
      this.begin();
    });
    again.addEventListener("click", () => this.begin());
    this.#whole.addEventListener("click", () => this.#pieces.playWhole());
    this.#check.addEventListener("click", () => this.#guess());
    root.append(
      h("header", {}, h("h1", {}, "Jigsaw"), h("p", { className: "muted" }, RULES)),
      h("div", { className: "tools" }, h("label", {}, "Pieces ", count), again, this.#score),
      this.#table,
      h("div", { className: "tools" }, this.#whole, this.#check, this.#status),
      this.#answer,
    );
    this.#tellScore();
  }

  close() {
    this.#turn++;
    this.#pieces?.close();
  }

  async begin() {
    const { api, player, id } = this.#context;
    const turn = ++this.#turn;
    this.#pieces?.close();
    this.#pieces = null;
    this.#enable(false);
    this.#answer.replaceChildren();
    this.#say("Cutting a track into pieces…");
    const blanks = Array.from(Array(chosen.pieces), () => h("li", { className: "piece" }));
    this.#table.replaceChildren(h("ol", { className: "pieces" }, ...blanks));
    try {
      const { token, pieces } = await api.game(chosen.pieces, id);
      const made = await Pieces.load(pieces, player, (text) => this.#say(text));
      if (turn !== this.#turn) return made.close();
      [this.#pieces, this.#token] = [made, token];
      this.#table.replaceChildren(made.element);
      this.#enable(true);
      this.#say("");
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#table.replaceChildren();
      this.#say(error.message, true);
    }
  }

  async #guess() {
    const { api } = this.#context;
    const turn = this.#turn;
    this.#check.disabled = true;
    try {
      const { right, answer, correct, model } = await api.guess(this.#token, this.#pieces.order);
      if (turn !== this.#turn) return;
      this.#pieces.mark(right);
      score.games += 1;
      score.you += correct;
      score.model += model.correct;
      this.#tellScore();
      const places = answer.filter((piece, i) => piece === right[i]).length;
      this.#say(correct ? "Right!" : `Not quite: ${counted(places, "piece")} of ${right.length} in place.`);
      const solve = h("button", { type: "button" }, "Play as it was");
      solve.addEventListener("click", () => this.#pieces.arrange(right));
      this.#answer.replaceChildren(answers({ right, answer, correct, model }), solve);
    } catch (error) {
      this.#say(error.message, true);
      this.#check.disabled = turn !== this.#turn;
    }
  }

  #enable(on) {
    this.#whole.disabled = this.#check.disabled = !on;
  }

  #say(text, wrong = false) {
    this.#status.textContent = text;
    this.#status.classList.toggle("wrong", wrong);
  }

  #tellScore() {
    const { games, you, model } = score;
    const told = `You ${you}, the model ${model}, of ${counted(games, "game")}`;
    this.#score.textContent = games ? told : "No game played yet";
  }
}

/** Both answers and the truth, one row each. */
function answers({ right, answer, correct, model }) {
  const row = (name, order, note) => {
    const look = (piece, i) => (piece === right[i] ? "chip fits" : "chip");
    const chips = order.map((piece, i) => h("b", { className: look(piece, i) }, letter(piece)));
    return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, ...chips), h("td", {}, note));
  };
  const verdict = (isRight) => (isRight ? "right" : "wrong");
  const sure = `${verdict(model.correct)}, ${percent(model.probability)} sure`;
  const rows = [row("You", answer, verdict(correct)), row("The model", model.order, sure), row("As it was", right, "")];
  return h("table", {}, h("caption", { className: "unseen" }, "Orders of the pieces"), h("tbody", {}, ...rows));
}
