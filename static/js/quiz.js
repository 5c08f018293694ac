// An answered question comes back as a new piece of the page: say what it says, to whoever listens.
import { announce } from "./app.js";

document.addEventListener("htmx:load", (event) => {
  const words = event.detail.elt.dataset?.announce;
  if (words) announce(words);
});
