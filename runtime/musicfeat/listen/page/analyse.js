/** A file from the drop zone: judged and shown; added to the catalog only on request. */
import { h } from "./dom.js";
import { byBrowser } from "./hear.js";
import { neighbourList } from "./neighbours.js";
import { Turnable } from "./turnable.js";

/** @returns {Promise<{close: () => void}>} */
export async function show(root, context) {
  const { api, player, catalog, file } = context;
  if (!file) {
    root.append(h("p", {}, "Drop a sound file anywhere on this page, or choose one with the button above."));
    return { close() {} };
  }
  const status = h("p", { className: "status", role: "status" }, "Decoding and listening…");
  const slot = h("div", { className: "waiting" });
  const way = catalog.in_browser ? byBrowser(api, catalog.in_browser) : byServer(api);
  root.append(h("header", {}, h("h1", {}, file.name), h("p", { className: "muted" }, way.note), status), slot);
  const work = new AbortController();
  const view = { recording: null, url: null };
  const say = (text) => (status.textContent = text);
  way.judge(file, { signal: work.signal, say }).then(
    ({ data, backwards, add }) => {
      if (work.signal.aborted) return;
      view.url = URL.createObjectURL(file);
      const clip = { id: null, name: data.name, url: view.url };
      view.recording = new Turnable(data, player, clip, backwards, file);
      const similar = h("section", { className: "similar" }, h("h2", {}, "In the catalog, it sounds like"));
      similar.append(neighbourList(data.neighbours, { api, player }));
      const tools = [view.recording.switch, data.note ? null : adding(view.recording, add)];
      status.replaceWith(h("div", { className: "tools" }, ...tools, view.recording.status));
      slot.replaceWith(view.recording.element, similar);
      view.recording.setPicture(data.picture);
    },
    (error) => {
      if (work.signal.aborted) return;
      say(error.message);
      status.classList.add("wrong");
    },
  );
  return {
    close() {
      work.abort();
      view.recording?.close();
      if (!view.url) return;
      if (player.current?.url === view.url) player.pause();
      URL.revokeObjectURL(view.url);
    },
  };
}

/**
 * The usual way to judge files. Each way has a `note` for the reader, and `judge(file, {signal, say})`, which tells its
 * progress by `say` and gives the results forwards (`data`, as /api/analyse), `backwards()` and `add()` to the catalog.
 */
function byServer(api) {
  return {
    note: "Judged on this computer; it is not added to the catalog unless you say so.",
    async judge(file, { signal }) {
      const data = await api.analyse(file, signal);
      return { data, backwards: () => api.analysedBackwards(data.token), add: () => api.add(data.token) };
    },
  };
}

/** The button that adds the file to the catalog. */
function adding(recording, add) {
  const button = h("button", { type: "button" }, "Add to the catalog");
  button.addEventListener("click", async () => {
    button.disabled = true;
    recording.say("Adding it…");
    try {
      recording.say((await add()).note);
    } catch (error) {
      button.disabled = false;
      recording.say(error.message, true);
    }
  });
  return button;
}
