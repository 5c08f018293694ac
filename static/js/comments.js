// An open workbench shows at once what an instructor has written: it tells the page, which fetches its objectives again.
import { announce } from "./app.js";

const PATIENCE = 1000; // milliseconds after which a stream that was lost is opened anew
const lesson = window.location.pathname.split("/")[2];
let stream = null;
let waiting = 0;

function told(event) {
  const news = JSON.parse(event.data);
  if (news.lesson !== lesson) return;
  window.htmx.ajax("GET", `/workbench/${lesson}`, { target: "#objectives", swap: "outerHTML" });
  if (news.comment) announce("A new comment from your instructor.");
}

function open() {
  window.clearTimeout(waiting);
  if (stream || document.visibilityState !== "visible") return;
  stream = new EventSource("/progress/events");
  stream.addEventListener("comment", told);
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
