// A page that keeps itself fresh: regions come as events, each element by its id.
// The browser connects again by itself after a break; the server then sends only what this page has not seen.

const root = document.querySelector("[data-live-stream]");
const passive = root.hasAttribute("data-passive"); // a strip: it gives its connection back while nobody looks
const SILENCE = 45_000; // milliseconds without a sign of life (one comes each 15 s) after which the connection is dead
const HIDDEN = 60_000; // for which a page that nobody looks at stays connected: browsers open only six connections to a server

let source = null;
let since = root.dataset.since;
let heard = Date.now();
let lostAt = 0;
let pause = 1000;
let timer = 0;
const waiting = new Map(); // regions that came while somebody was filling them in

function open() {
  close();
  heard = Date.now();
  source = new EventSource(`${root.dataset.liveStream}&since=${encodeURIComponent(since)}`);
  source.addEventListener("open", found);
  source.addEventListener("beat", found);
  source.addEventListener("regions", take);
  source.addEventListener("error", lost);
}

function close() {
  window.clearTimeout(timer);
  source?.close();
  source = null;
}

function found() {
  heard = Date.now();
  pause = 1000;
  if (!lostAt) return;
  lostAt = 0;
  tell("");
  say("The course is back.");
}

function lost() {
  lostAt ||= Date.now();
  if (source && source.readyState === EventSource.CLOSED) {
    timer = window.setTimeout(open, pause); // after an answer that was no stream browsers do not try again
    pause = Math.min(pause * 2, 30_000);
  }
}

function take(event) {
  found();
  since = event.lastEventId;
  const news = JSON.parse(event.data);
  for (const [id, html] of Object.entries(news.html)) replace(id, html);
  tick();
  if (news.say) say(news.say);
}

function replace(id, html) {
  const old = document.getElementById(id);
  if (!old) return;
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  if (active && active.matches("input:not([type=hidden]), select, textarea")) {
    if (!waiting.has(id)) old.addEventListener("focusout", (event) => leave(id, old, event));
    waiting.set(id, html);
    return;
  }
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  const fresh = template.content.firstElementChild;
  for (const opened of old.querySelectorAll("details[open][id]")) {
    const same = fresh.querySelector(`#${CSS.escape(opened.id)}`);
    if (same) same.open = true;
  }
  for (const field of fresh.querySelectorAll('input[name="csrf_token"]')) field.value = document.querySelector('meta[name="csrf-token"]').content;
  if (old.dataset.status && old.dataset.status !== fresh.dataset.status) fresh.classList.add("has-turned");
  const place = active ? focusable(old).indexOf(active) : -1;
  const output = fresh.querySelector(".live-output");
  old.replaceWith(fresh);
  if (output) output.scrollTop = output.scrollHeight;
  fresh.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true, detail: { elt: fresh } })); // for copy buttons and times
  if (active) (focusable(fresh)[place] ?? fresh).focus({ preventScroll: true });
}

function leave(id, element, event) {
  if (element.contains(event.relatedTarget) || !waiting.has(id)) return;
  const html = waiting.get(id);
  waiting.delete(id);
  window.setTimeout(() => replace(id, html));
}

function focusable(element) {
  return [...element.querySelectorAll("a[href], button, summary, [tabindex]")];
}

let said = [];

// What comes within half a second is said together: a later word would cut the earlier one off.
function say(words) {
  if (said.push(words) > 1) return;
  document.getElementById("announcer").textContent = "";
  window.setTimeout(() => {
    document.getElementById("announcer").textContent = said.slice(-3).join(". ");
    said = [];
  }, 500);
}

function tell(words) {
  const place = document.getElementById("live-link");
  if (!place || place.textContent === words) return;
  place.textContent = words;
  place.hidden = !words;
}

function ago(date) {
  const seconds = Math.max(0, Math.round((Date.now() - date) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return date.toLocaleString(undefined, { dateStyle: seconds < 43_200 ? undefined : "medium", timeStyle: "short" });
}

function tick() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const words = ago(new Date(time.dateTime));
    if (time.textContent !== words) time.textContent = words;
  }
  for (const time of document.querySelectorAll("time[data-clock]")) {
    const at = new Date(time.dateTime);
    const words = Date.now() - at < 43_200_000 ? at.toLocaleTimeString() : at.toLocaleString();
    if (time.textContent !== words) time.textContent = words;
  }
  if (lostAt && Date.now() - lostAt > 2500) {
    const at = new Date(lostAt).toLocaleTimeString();
    tell(`The course’s server has not answered since ${at}. What this page shows is from before. If you have stopped it, start it again with: course serve`);
  }
  if (source && Date.now() - heard > SILENCE) {
    lost();
    open();
  }
}

document.addEventListener("htmx:load", tick); // after the times of all pages have been set

let hidden = 0;
document.addEventListener("visibilitychange", () => {
  window.clearTimeout(hidden);
  if (document.hidden) hidden = window.setTimeout(close, passive ? 0 : HIDDEN);
  else if (!source) open();
});
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", (event) => event.persisted && open());
window.setInterval(tick, 1000);
if (!document.hidden) open();
tick();
