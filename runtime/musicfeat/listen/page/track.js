/** A track: what it looks like, what the model says of it forwards and backwards, and what sounds like it. */
import { clock, h } from "./dom.js";
import { neighbourList } from "./neighbours.js";
import { Turnable } from "./turnable.js";

const NEIGHBOURS = 10;

/** @returns {Promise<{close: () => void}>} */
export async function show(root, context) {
  if (context.id === null) {
    root.append(h("p", {}, "No track is chosen yet: ", h("a", { href: "#/map" }, "choose one on the map"), "."));
    return { close() {} };
  }
  const { api, player } = context;
  const data = await api.track(context.id);
  const { id, name, source, present } = data;
  const clip = present ? { id, name, url: api.audio(id) } : null;
  const recording = new Turnable(data, player, clip, () => api.backwards(id));
  const jigsaw = h("a", { className: "button", href: `#/game/${id}` }, "Jigsaw of this track");
  const tools = h("div", { className: "tools" }, recording.switch, present ? jigsaw : null, recording.status);
  const heading = h("header", {}, h("h1", {}, name), h("p", { className: "muted" }, source), tools);
  root.append(heading, recording.element, similar(data, context));
  if (present) paint(recording, api, id);
  else recording.say("The file is missing or was moved: what the catalog knows is shown, but cannot be heard.", true);
  return recording;
}

async function paint(recording, api, id) {
  try {
    recording.setPicture(await api.picture(id));
  } catch (error) {
    recording.say(error.message, true);
  }
}

/** What sounds like a place of this track: the one in the address, at first, or else its middle. */
function similar({ id, starts, ends }, { api, player, start }) {
  const heading = h("h2", {}, "…");
  const list = h("div", { className: "slot" });
  const find = async (time) => {
    const index = Math.max(0, starts.findLastIndex((begin) => begin <= time + 1e-6));
    heading.textContent = `Sounds like ${clock(starts[index], 0)} to ${clock(ends[index], 0)}`;
    try {
      list.replaceChildren(neighbourList(await api.neighbours(id, starts[index], NEIGHBOURS), { api, player }));
    } catch (error) {
      list.replaceChildren(h("p", { className: "wrong" }, error.message));
    }
  };
  const here = h("button", { type: "button" }, "Find for the current position");
  here.addEventListener("click", () => find(player.current?.url === api.audio(id) ? player.time : 0));
  find(start ?? starts[Math.floor(starts.length / 2)]);
  return h("section", { className: "similar" }, h("div", { className: "tools" }, heading, here), list);
}
