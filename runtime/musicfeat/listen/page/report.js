/** The page of `musicfeat report`: one sheet from data in the file itself. */
import { h } from "./dom.js";
import { Player, steerByKeyboard } from "./player.js";
import { bytes, sheet } from "./sheet.js";

const held = (id) => document.getElementById(id)?.textContent;

function report() {
  const data = JSON.parse(held("data"));
  const sound = held("sound");
  const player = new Player();
  const url = sound && URL.createObjectURL(new Blob([bytes(sound)], { type: data.type }));
  const shown = sheet(data, { player, clip: url ? { id: null, name: data.name, url } : null });
  document.getElementById("sheet").replaceChildren(shown.element);
  shown.setPicture(data.picture);
  if (url) steerByKeyboard(player);
}

try {
  report();
} catch (error) {
  const words = `This browser cannot show the report: ${error.message}`;
  document.getElementById("sheet").replaceChildren(h("p", { role: "alert" }, words));
}
