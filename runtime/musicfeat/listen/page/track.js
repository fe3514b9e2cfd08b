/** A track: its pictures, the model's results forwards and backwards, and similar tracks. */
import { clock, h } from "./dom.js";
import { neighbourList } from "./neighbours.js";
import { UNKNOWN } from "./sheet.js";
import { Turnable } from "./turnable.js";

const NEIGHBOURS = 10;

/** @returns {Promise<{close: () => void}>} */
export async function show(root, context) {
  if (context.id === null) {
    root.append(h("p", {}, "No track is chosen yet: ", h("a", { href: "#/map" }, "choose one on the map"), "."));
    return { close() {} };
  }
  const { api, player, catalog } = context;
  const data = await api.track(context.id);
  const { id, name, source, album, genre, present } = data;
  const clip = present ? { id, name, url: api.audio(id) } : null;
  const make = (known) => new Turnable(known, player, clip, () => api.backwards(id));
  const drawn = present && catalog.curves;
  const view = { recording: make(drawn ? { ...data, edited: UNKNOWN } : data), picture: null, closed: false };
  const cuts = h("button", { type: "button" }, "Listen for cuts");
  cuts.addEventListener("click", () => markCuts(view, cuts, make, () => api.edits(id)));
  const jigsaw = h("a", { className: "button", href: `#/game/${id}` }, "Jigsaw of this track");
  const versions = h("a", { className: "button", href: `#/compare/${id}` }, "Compare with a version");
  const more = present ? [drawn ? null : cuts, jigsaw, versions] : [];
  const tools = h("div", { className: "tools" }, view.recording.switch, ...more);
  tools.append(view.recording.status);
  const who = [source, album, genre].filter(Boolean).join(" · ");
  const heading = h("header", {}, h("h1", {}, name), h("p", { className: "muted" }, who), tools);
  root.append(heading, view.recording.element, similar(data, context));
  const missing = "The file is missing or was moved: what the catalog knows is shown, but cannot be heard.";
  if (drawn) trace(view, api, id);
  if (present) paint(view, api, id);
  else view.recording.say(missing, true);
  return {
    close() {
      view.closed = true;
      view.recording.close();
    },
  };
}

async function paint(view, api, id) {
  try {
    view.picture = await api.picture(id);
    view.recording.setPicture(view.picture);
  } catch (error) {
    view.recording.say(error.message, true);
  }
}

/** Draw the curves of edits, which the catalog lacks, once the server has heard the file. */
async function trace(view, api, id) {
  try {
    const { edited } = await api.edits(id);
    if (!view.closed) view.recording.setEdited(edited);
  } catch (error) {
    if (!view.closed) view.recording.say(error.message, true);
  }
}

/** Find cuts in the file, which the catalog lacks, and rebuild the sheet with the server's result. */
async function markCuts(view, button, make, listen) {
  button.disabled = true;
  view.recording.say("Listening for cuts…");
  try {
    const data = await listen();
    if (view.closed) return;
    const [before, after] = [view.recording, make(data)];
    for (const part of ["switch", "status", "element"]) before[part].replaceWith(after[part]);
    before.close();
    view.recording = after;
    if (view.picture) after.setPicture(view.picture);
    const count = data.suspicious.filter(({ kind }) => kind === "spliced").length;
    after.say(count === 1 ? "One cut was heard." : `${count || "No"} cuts were heard.`);
  } catch (error) {
    button.disabled = false;
    view.recording.say(error.message, true);
  }
}

/** Neighbours of a place of this track: at first the one in the address, or else its middle. */
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
