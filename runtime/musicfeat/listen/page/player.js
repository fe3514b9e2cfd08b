/** The page's only player: a single <audio>, so that two sounds never play at once. */
import { clock, h } from "./dom.js";

const LOOK = 50; // ms between two checks for a clip's end: "timeupdate" comes too seldom

/**
 * The player. Events: "change" when the clip or the playing state changes; "time" about four times a second in play.
 */
export class Player extends EventTarget {
  #audio = h("audio", { preload: "metadata" });
  #end = null;
  #wanted = null;

  constructor() {
    super();
    /** The clip last requested: {id, name, start, end, url}, or null. */
    this.current = null;
    /** The reason why it cannot be played, or "". */
    this.problem = "";
    for (const kind of ["play", "pause", "ended", "loadedmetadata", "seeked"]) {
      this.#audio.addEventListener(kind, () => this.#tell("change"));
    }
    this.#audio.addEventListener("timeupdate", () => this.#tell("time"));
    this.#audio.addEventListener("error", () => this.#fail());
    setInterval(() => this.#stopAtEnd(), LOOK);
  }

  /**
   * Play a place of a track, or any address.
   *
   * @param {{id?: number, name: string, start?: number, end?: number|null, url?: string}} clip seconds; `url` replaces
   *   the track's own sound; without `end` it plays on; a clip that is not `present` gives a message instead.
   */
  async play({ id = null, name, start = 0, end = null, url = `api/tracks/${id}/audio`, present = true }) {
    if (!present) return this.#miss({ id, name, start, end, url });
    const same = this.current?.url === url;
    this.current = { id, name, start, end, url };
    this.problem = "";
    this.#end = end;
    if (!same) this.#audio.src = url;
    this.#audio.currentTime = start;
    this.#tell("change");
    await this.#start();
  }

  async #start() {
    const wanted = (this.#wanted = Symbol("the newest wish"));
    try {
      await this.#audio.play();
    } catch (error) {
      if (wanted === this.#wanted && error.name !== "AbortError") this.#fail();
    }
  }

  pause() {
    this.#audio.pause();
  }

  /** Pause or continue; a finished clip starts again. */
  toggle() {
    if (!this.current?.url) return;
    if (!this.#audio.paused) return this.pause();
    if (this.#end !== null && this.time >= this.#end) this.#audio.currentTime = this.current.start;
    this.#start();
  }

  /** Go to a time in seconds; beyond the clip, the track plays to its end. */
  seek(seconds) {
    if (!this.current) return;
    if (this.#end !== null && seconds > this.#end) this.#end = null;
    this.#audio.currentTime = Math.max(0, Math.min(seconds, this.duration || seconds));
    this.#tell("time");
  }

  /** Whether this place of this track is playing now. */
  plays(id, start = null) {
    return this.playing && this.current.id === id && (start === null || this.current.start === start);
  }

  get playing() {
    return Boolean(this.current) && !this.#audio.paused && !this.#audio.ended;
  }

  /** Seconds from the start of the sound. */
  get time() {
    return this.#audio.currentTime;
  }

  /** Length of the sound in seconds, NaN until it is known. */
  get duration() {
    return this.#audio.duration;
  }

  #stopAtEnd() {
    if (this.#end !== null && this.playing && this.time >= this.#end) this.pause();
  }

  #fail() {
    if (!this.current) return;
    this.problem = `${this.current.name} cannot be played: the file is missing, or this browser cannot decode it.`;
    this.#tell("change");
  }

  #miss(clip) {
    this.pause();
    this.#audio.removeAttribute("src");
    this.current = { ...clip, url: null };
    this.#end = null;
    this.problem = `${clip.name} is not where the catalog has it, so it cannot be played.`;
    this.#tell("change");
  }

  #tell(kind) {
    this.dispatchEvent(new Event(kind));
  }
}

/** The bar at the foot of the page that shows and controls the player. */
export function playerBar(player) {
  const button = h("button", { type: "button", className: "play", disabled: true, "aria-label": "Play" });
  const name = h("a", { className: "name" }, "Nothing plays yet");
  const time = h("span", { className: "time" }, "–");
  const seek = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.1,
    value: 0,
    disabled: true,
    "aria-label": "Place",
  });
  button.addEventListener("click", () => player.toggle());
  seek.addEventListener("input", () => player.seek(Number(seek.value)));

  const tick = () => {
    const known = Number.isFinite(player.duration);
    seek.disabled = !known;
    seek.max = known ? player.duration : 1;
    seek.value = player.time;
    seek.ariaValueText = clock(player.time);
    time.textContent = known ? `${clock(player.time)} / ${clock(player.duration, 0)}` : "–";
  };
  const change = () => {
    button.disabled = !player.current?.url;
    button.classList.toggle("playing", player.playing);
    button.ariaLabel = player.playing ? "Pause" : "Play";
    name.textContent = player.problem || player.current?.name || "Nothing plays yet";
    name.classList.toggle("wrong", Boolean(player.problem));
    if (player.current?.id == null) name.removeAttribute("href");
    else name.href = `#/track/${player.current.id}/${player.current.start}`;
    tick();
  };
  player.addEventListener("change", change);
  player.addEventListener("time", tick);
  return h("section", { className: "player", "aria-label": "Player" }, button, name, time, seek);
}

/** Play and pause by the space key wherever it has no other meaning. */
export function steerByKeyboard(player) {
  addEventListener("keydown", (event) => {
    if (event.key !== " " || event.defaultPrevented) return;
    if (event.target.closest("button, a, input, select, textarea, summary, [role=application]")) return;
    event.preventDefault();
    player.toggle();
  });
}
