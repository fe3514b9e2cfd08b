/**
 * A module worker that is bound to this page's Content-Security-Policy as the page is. One that starts from its own
 * URL would go by its own headers, and a plain web server sends none; one that starts from a blob inherits.
 * @param {URL} url of the module
 */
export function offlineWorker(url) {
  const start = new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(start), { type: "module" });
}
