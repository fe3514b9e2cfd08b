/** The server's answers as plain objects. Every call throws an ApiError whose message can be shown. */

/** The server refused or is gone; the message names the problem and its solution. */
export class ApiError extends Error {}

const TYPES = { float32: Float32Array, uint32: Uint32Array, uint16: Uint16Array, uint8: Uint8Array };
const kept = new Map();
const KEPT = 64;

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(`api/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer: is musicfeat listen still running?");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new ApiError(body?.error ?? `The server answers ${response.status} to ${path}.`);
}

const json = async (path, options) => (await ask(path, options)).json();

function post(path, body, headers = {}, signal = undefined) {
  return json(path, { method: "POST", body, headers: { "X-Musicfeat": "1", ...headers }, signal });
}

/** A track; the last few are cached, as pointing and playing request the same ones repeatedly. */
function track(id) {
  const answer = kept.get(id) ?? json(`tracks/${id}`);
  kept.delete(id);
  kept.set(id, answer);
  answer.catch(() => kept.delete(id));
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return answer;
}

/**
 * The map's columns by name, as typed arrays of `count` values, with the name of its `layout` and whether a better one
 * is being computed (`improving`).
 */
async function map() {
  const [{ count, columns, layout, improving }, bytes] = await Promise.all([
    json("map"),
    ask("map.bin").then((response) => response.arrayBuffer()),
  ]);
  const pairs = columns.map(({ name, type, offset }) => {
    const size = count * TYPES[type].BYTES_PER_ELEMENT;
    return [name, new TYPES[type](bytes.slice(offset, offset + size))];
  });
  return { count, layout, improving, ...Object.fromEntries(pairs) };
}

export const api = {
  catalog: () => json("catalog"),
  map,
  /** Groups of tracks: their `names`, and in `of` each track's group number or null. */
  groups: (name) => json(`groups/${name}`),
  /** The map's facts without its columns. */
  mapFacts: () => json("map"),
  /** @param {{search?: string, limit?: number}} filter */
  tracks: ({ search = "", limit = 50 } = {}) => json(`tracks?${new URLSearchParams({ search, limit })}`),
  track,
  picture: (id) => json(`tracks/${id}/picture`),
  neighbours: (id, start, k = 10) => json(`tracks/${id}/neighbours?${new URLSearchParams({ start, k })}`),
  /** A track with the edits heard in its file, and the curves of models that have them. */
  edits: (id) => json(`tracks/${id}/edits`),
  /** The edits that lead from one track to another, as `musicfeat compare --json` tells them, and both tracks. */
  compare: (id, other) => json(`tracks/${id}/compare/${other}`),
  backwards: (id) => json(`tracks/${id}/backwards`),
  /** The address of a track's sound. */
  audio: (id) => `api/tracks/${id}/audio`,
  /** @param {number[]} numbers of dimensions @param {{k?: number, sum?: boolean}} options */
  dimensions: (numbers, { k = 12, sum = false } = {}) =>
    json(`dimensions?${new URLSearchParams({ numbers: numbers.join(","), k, ...(sum && { sum: 1 }) })}`),
  /** @param {File} file */
  analyse: (file, signal) => post("analyse", file, { "X-File-Name": encodeURIComponent(file.name) }, signal),
  /** What is found from the numbers of a file that hear.js judged. */
  features: (numbers, signal) => post("features", JSON.stringify(numbers), {}, signal),
  /** @param {string} token from `analyse` */
  analysedBackwards: (token) => json(`analyse/${token}/backwards`),
  add: (token) => post(`analyse/${token}/add`),
  game: (pieces, trackId = null) => post("game", JSON.stringify({ pieces, track: trackId })),
  lesson: (name) => json(`teach/${encodeURIComponent(name)}`),
  /** @param {"yes"|"no"|null} label null removes an answer */
  teach: (name, trackId, label) =>
    post(`teach/${encodeURIComponent(name)}`, JSON.stringify({ track: trackId, label })),
  finishLesson: (name) => post(`teach/${encodeURIComponent(name)}/finish`),
  guess: (token, order) => post(`game/${token}`, JSON.stringify({ order })),
};
