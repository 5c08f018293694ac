// An open page shows at once what was recorded elsewhere, as by `grade` in a terminal: it tells the page, which fetches what has changed.
import { announce } from "./app.js";

const PATIENCE = 1000; // milliseconds after which a stream that was lost is opened anew
let stream = null;
let waiting = 0;

function refresh() {
  document.body.dispatchEvent(new CustomEvent("course:progress"));
}

function open() {
  window.clearTimeout(waiting);
  if (stream || document.visibilityState !== "visible") return;
  stream = new EventSource("/progress/events");
  // The first thing told is how far the course is: what happened while nobody listened shows as well.
  stream.addEventListener("newest", (event) => {
    const shown = document.querySelector("[data-newest]");
    if (shown && shown.dataset.newest !== event.data) refresh();
  });
  stream.addEventListener("progress", (event) => {
    announce(JSON.parse(event.data).words);
    refresh();
  });
  stream.addEventListener("comment", (event) => {
    if (JSON.parse(event.data).comment) announce("A new comment from your instructor.");
    refresh();
  });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
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
