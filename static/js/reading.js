// Tells the course which heading is in view, and for how many seconds the page was in front and in use.

const EVERY = 30; // seconds between two reports
const IDLE = 60_000; // milliseconds without a sign of the reader, after which time no longer counts

const article = document.querySelector("article[data-lesson]");
const token = document.querySelector('meta[name="csrf-token"]')?.content;
let active = Date.now();
let seconds = 0;
let told = null;

function heading() {
  const passed = [...article.querySelectorAll(":is(h2, h3)[id]")].filter((each) => each.getBoundingClientRect().top < 160);
  return passed.at(-1)?.id ?? "";
}

function report() {
  const anchor = heading();
  if (!seconds && anchor === told) return;
  const body = new URLSearchParams({ csrf_token: token, anchor, seconds: Math.min(seconds, 60) });
  if (!navigator.sendBeacon(`/lessons/${article.dataset.lesson}/reading`, body)) return;
  seconds = 0;
  told = anchor;
}

if (article && token) {
  for (const sign of ["scroll", "pointermove", "pointerdown", "keydown", "focus"]) {
    window.addEventListener(sign, () => (active = Date.now()), { passive: true });
  }
  window.setInterval(() => {
    if (document.visibilityState !== "visible" || Date.now() - active > IDLE) return;
    seconds += 1;
    if (seconds >= EVERY) report();
  }, 1000);
  // `pagehide` for browsers that leave a page without hiding it first.
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && report());
  window.addEventListener("pagehide", report);
}
