/** The page's frame: the current view, the search box, the drop zone, the player and the catalog's problems. */
import { api } from "./api.js";
import { h } from "./dom.js";
import { Player, playerBar, steerByKeyboard } from "./player.js";

// Views are loaded when first shown, so that the map paints without waiting for them.
const VIEWS = {
  map: () => import("./map.js"),
  track: () => import("./track.js"),
  dimensions: () => import("./dimensions.js"),
  teach: () => import("./teach.js"),
  game: () => import("./game.js"),
  compare: () => import("./compare.js"),
  analyse: () => import("./analyse.js"),
};
const TITLES = {
  map: "Map", track: "Track", dimensions: "Dimensions", teach: "Teach", game: "Game", compare: "Compare", analyse: "Analysis",
};
const PAUSE = 200; // ms without a key before the search starts

const element = (id) => document.getElementById(id);
const player = new Player();
/** Arguments of every view; `id` and `start` (seconds, or another id) are of the address, `file` of the drop zone. */
const context = { api, player, catalog: null, id: null, start: null, file: null, search: "", again: () => go() };
const shown = { name: null, view: null, turn: 0 };

function place() {
  const [name, id, start] = location.hash.replace(/^#\//, "").split("/");
  const number = (text) => (text === undefined || text === "" || Number.isNaN(Number(text)) ? null : Number(text));
  return { name: Object.hasOwn(VIEWS, name) ? name : "map", id: number(id), start: number(start) };
}

async function go() {
  const { name, id, start } = place();
  const turn = ++shown.turn;
  const first = shown.name === null;
  shown.view?.close();
  Object.assign(shown, { name, view: null });
  Object.assign(context, { id, start });
  for (const link of document.querySelectorAll("nav a")) {
    link.ariaCurrent = link.hash === `#/${name}` ? "page" : null;
  }
  document.title = `${TITLES[name]} · ${context.catalog?.name ?? "musicfeat"}`;
  const root = h("div", { className: `view ${name}` });
  element("view").replaceChildren(root);
  if (!first) element("view").focus({ preventScroll: true });
  try {
    const view = await (await VIEWS[name]()).show(root, context);
    if (turn === shown.turn) shown.view = view;
    else view.close();
  } catch (error) {
    if (turn === shown.turn) root.replaceChildren(h("p", { className: "wrong", role: "alert" }, error.message));
  }
}

function tellProblems({ problems }) {
  element("problems").replaceChildren(...problems.map((line) => h("p", {}, line)));
}

function search(submitted) {
  context.search = element("wanted").value.trim();
  if (shown.name === "map") shown.view?.search?.(context.search, submitted);
  else if (submitted) location.hash = "#/map";
}

function listenToSearch() {
  let timer = null;
  element("wanted").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE, false);
  });
  element("search").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search(true);
  });
}

function analyse(file) {
  context.file = file;
  if (location.hash === "#/analyse") go();
  else location.hash = "#/analyse";
}

function listenToFiles() {
  element("file").addEventListener("change", ({ target }) => {
    if (target.files[0]) analyse(target.files[0]);
    target.value = ""; // Allows the same file to be chosen again.
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // Otherwise the browser would leave the page for the file.
      element("over").hidden = kind !== "dragover";
      if (kind === "drop" && event.dataTransfer.files[0]) analyse(event.dataTransfer.files[0]);
    });
  }
}

async function begin() {
  document.body.append(playerBar(player));
  steerByKeyboard(player);
  listenToSearch();
  listenToFiles();
  addEventListener("hashchange", go);
  try {
    context.catalog = await api.catalog();
    tellProblems(context.catalog);
    await go();
  } catch (error) {
    element("view").replaceChildren(h("p", { className: "wrong", role: "alert" }, error.message));
  }
}

begin();
