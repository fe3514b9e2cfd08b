/**
 * A module worker under this page's Content-Security-Policy. A worker started from its own URL would
 * follow that URL's headers, and a plain web server sends none; one started from a blob inherits the page's policy.
 * @param {URL} url of the module
 */
export function offlineWorker(url) {
  const start = new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(start), { type: "module" });
}
