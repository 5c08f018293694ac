// A stream of server-sent events that lives for as long as somebody looks at the page.

const PATIENCE = 1000; // milliseconds after which a stream that was lost is opened anew

/**
 * Listen to a stream from now on. `address` gives its address, each time that it is opened; `listeners` are called with the events
 * of their names, among them `open` and `error`, as EventSource has them.
 */
export function follow(address, listeners) {
  let stream = null;
  let waiting = 0;

  function open() {
    window.clearTimeout(waiting);
    if (stream || document.visibilityState !== "visible") return;
    stream = new EventSource(address());
    for (const [name, listener] of Object.entries(listeners)) stream.addEventListener(name, listener);
    stream.addEventListener("error", () => {
      if (stream?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      close();
      waiting = window.setTimeout(open, PATIENCE);
    });
  }

  // A browser keeps few connections to one server: pages that nobody looks at keep none.
  function close() {
    stream?.close();
    stream = null;
  }

  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? open() : close()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  open();
}
