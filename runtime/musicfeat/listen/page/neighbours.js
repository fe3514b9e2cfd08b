/** Neighbours of a place: similar tracks of the catalog, each at its most similar window. */
import { clock, h } from "./dom.js";
import { playButton } from "./sheet.js";

/**
 * @param {object[]} found from /api/tracks/ID/neighbours
 * @param {{api: object, player: object}} context
 */
export function neighbourList(found, { api, player }) {
  if (!found.length) return h("p", { className: "muted" }, "Nothing else in the catalog to compare with.");
  const items = found.map(({ id, name, source, start, end, similarity, present }) => {
    const clip = { id, name, start, end, url: api.audio(id) };
    const button = playButton(player, clip, `${name} at ${clock(start)}`);
    button.disabled = present === false;
    const link = h("a", { href: `#/track/${id}/${start}` }, name);
    const notes = [source, clock(start, 0), present === false && "its file is missing"].filter(Boolean);
    const words = h("span", { className: "about" }, link, h("small", {}, notes.join(" · ")));
    const alike = h("span", { className: "alike", title: "Cosine similarity" }, similarity.toFixed(2));
    return h("li", {}, button, words, alike);
  });
  return h("ol", { className: "neighbours" }, ...items);
}
