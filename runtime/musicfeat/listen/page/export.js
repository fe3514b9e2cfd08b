/** A group of windows as a table and as a playlist. */

const COLUMNS = ["start", "x", "y", "reversal", "jigsaw", "change"];

/**
 * RFC 4180, one row a window: the track's id, name and source, its start in seconds, place on the map, scores and tag.
 * What the catalog lacks is empty.
 *
 * @param {number[]} windows
 * @param {object} map columns of `api.map`
 * @param {object} catalog of `api.catalog`
 * @param {Map<number, {name: string}>} tracks by id
 */
export function toCsv(windows, map, { sources, labels }, tracks) {
  const rows = windows.map((i) => [
    map.track[i],
    tracks.get(map.track[i])?.name ?? "",
    sources[map.source[i]] ?? "",
    ...COLUMNS.map((name) => number(map[name]?.[i])),
    labels[map.tag[i]] ?? "",
  ]);
  const lines = [["track", "name", "source", ...COLUMNS, "tag"], ...rows];
  return `${lines.map((line) => line.map(quoted).join(",")).join("\r\n")}\r\n`;
}

/**
 * Extended M3U in UTF-8, one entry a track in the catalog's order, with the first of its windows as the place to start
 * (players other than VLC start at the beginning).
 */
export function toM3u(windows, map, tracks) {
  const starts = new Map();
  for (const i of windows) {
    starts.set(map.track[i], Math.min(map.start[i], starts.get(map.track[i]) ?? Infinity));
  }
  const lines = [...starts].flatMap(([id, start]) => {
    const { name, path = name, duration } = tracks.get(id);
    const title = name.replaceAll(/[\r\n]/g, " ");
    return [`#EXTINF:${Math.round(duration ?? -1)},${title}`, `#EXTVLCOPT:start-time=${number(start)}`, path];
  });
  return `${["#EXTM3U", ...lines].join("\n")}\n`;
}

/** A float32 in the fewest digits that say it. */
function number(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(7))) : "";
}

/** Quoted where needed; a text that a spreadsheet would take for a formula gets an apostrophe before it. */
function quoted(value) {
  const text = typeof value === "string" && /^[=@+\t\r]|^-\D/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
