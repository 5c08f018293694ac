// The open board follows what learners do: the server says which rows have changed, and what they look like now.
import { announce } from "./app.js";
import { follow } from "./stream.js";

const SAY_EVERY = 10000; // milliseconds between two announcements: a class does more than anybody can listen to
const board = document.getElementById("board");
const onMap = Boolean(document.querySelector("ul#board"));
const live = document.getElementById("board-live");
let newest = board?.dataset.newest ?? "";
let said = 0;

function say(words) {
  if (live) {
    live.hidden = false;
    live.textContent = words;
  }
}

/** The first element of a piece of HTML or SVG that the server has made. */
function made(html, inside) {
  const place = document.createElement("template");
  place.innerHTML = inside ? `<svg>${html}</svg>` : html;
  return inside ? place.content.firstElementChild.firstElementChild : place.content.firstElementChild;
}

function drawn(cells) {
  const defs = document.querySelector("#board-cells defs");
  if (!defs) return;
  for (const [name, svg] of Object.entries(cells)) {
    if (!document.getElementById(name)) defs.append(made(svg, true));
  }
}

/** Whether a row says anything new; how long ago something was does not count. */
function differs(old, row) {
  return [".b-name", ".b-cells"].some((part) => old.querySelector(part).innerHTML !== row.querySelector(part).innerHTML);
}

/** Put rows in the place of those that are there; gives the learners of whom something new is shown, and how many rows are elsewhere. */
function shown(rows) {
  const changed = [];
  let elsewhere = 0;
  for (const [learner, html] of Object.entries(rows)) {
    const old = document.getElementById(`learner-${learner}`);
    if (!old) {
      elsewhere += 1;
      continue;
    }
    const row = made(html);
    const focused = old.contains(document.activeElement);
    if (differs(old, row)) {
      changed.push(learner);
      row.classList.add("is-new");
      window.setTimeout(() => row.classList.remove("is-new"), 1200);
    }
    old.replaceWith(row);
    if (focused) row.querySelector("a").focus({ preventScroll: true });
  }
  return [changed, elsewhere];
}

function told(event) {
  const { cells, rows, words } = JSON.parse(event.data);
  if (onMap) {
    drawn(cells);
    const [changed, elsewhere] = shown(rows);
    say(elsewhere ? "Live. Others have changed as well: refresh to see them." : "Live");
    if (changed.length && Date.now() - said > SAY_EVERY) {
      said = Date.now();
      announce(changed.length === 1 ? words[changed[0]] : `${words[changed[0]]} And ${changed.length - 1} more have changed.`);
    }
  }
  document.body.dispatchEvent(new CustomEvent("course:board"));
}

if (board) {
  follow(() => `${board.dataset.events}?since=${newest || 0}`, {
    open: () => say("Live"),
    error: () => say("Not connected; trying again"),
    rows(event) {
      newest = event.lastEventId || newest;
      told(event);
    },
    // More has changed than is worth telling row by row.
    reload(event) {
      if (onMap) window.location.reload();
      else document.body.dispatchEvent(new CustomEvent("course:board"));
      newest = event.lastEventId || newest;
    },
  });
}
