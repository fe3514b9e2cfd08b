/** Helpers for elements, numbers and downloads that all views use. */

/**
 * An element with properties and children.
 *
 * @param {string} tag name of the element
 * @param {object} properties of the element; those that begin with `aria-` or `data-`, `role` and `for` are attributes
 * @param {...(Node|string|null)} children null is skipped
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (/^(aria-|data-|role$|for$)/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Seconds as 1:02.5, with hours if there are any. */
export function clock(seconds, digits = 1) {
  if (!Number.isFinite(seconds)) return "–";
  const unit = 10 ** digits;
  const ticks = Math.round(Math.max(0, seconds) * unit);
  const whole = Math.floor(ticks / unit);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const rest = ((ticks / unit) % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** A count with its noun: "1 window", "100,000 windows". */
export function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** The value of a style sheet's custom property, in its dark variant if that is active. */
export function property(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Red, green and blue, 0 to 255, of a custom property in the form #rrggbb. */
export function rgb(name) {
  const text = property(name);
  return [1, 3, 5].map((i) => Number.parseInt(text.slice(i, i + 2), 16));
}

/** Offer text as a file for download; nothing is sent anywhere. */
export function download(name, text, type) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
