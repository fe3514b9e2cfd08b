/** A group of windows as a table and as a playlist. */

const COLUMNS = ["start", "x", "y", "reversal", "jigsaw", "change"];

/**
 * CSV by RFC 4180, one row per window: its track's id, name and source, start in seconds, place, scores and tag.
 * Values that the catalog lacks are empty.
 *
 * @param {number[]} windows
 * @param {object} map columns from `api.map`
 * @param {object} catalog from `api.catalog`
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
 * Extended M3U in UTF-8, one entry per track in the catalog's order, started at the first of its windows
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

/** A float32 in the fewest digits that identify it. */
function number(value) {
  return Number.isFinite(value) ? String(Number(value.toPrecision(7))) : "";
}

/** A field, quoted if needed; text that a spreadsheet would take for a formula gets a leading apostrophe. */
function quoted(value) {
  const text = typeof value === "string" && /^[=@+\t\r]|^-\D/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
