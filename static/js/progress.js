// An open page shows at once what was recorded elsewhere, as by `grade` in a terminal: it tells the page, which fetches what has changed.
import { announce } from "./app.js";
import { follow } from "./stream.js";

function refresh() {
  document.body.dispatchEvent(new CustomEvent("course:progress"));
}

follow(() => "/progress/events", {
  // The first thing told is how far the course is: what happened while nobody listened shows as well.
  newest(event) {
    const shown = document.querySelector("[data-newest]");
    if (shown && shown.dataset.newest !== event.data) refresh();
  },
  progress(event) {
    announce(JSON.parse(event.data).words);
    refresh();
  },
  comment(event) {
    if (JSON.parse(event.data).comment) announce("A new comment from your instructor.");
    refresh();
  },
});
