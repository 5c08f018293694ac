// A lesson's page: glossary pop-ups, the heading in view, the contents unfolded where there is room beside the text.
import "./reading.js";

const card = document.getElementById("term");
let terms; // the glossary, fetched with the first pop-up
let opener = null;

async function show(link) {
  terms ??= fetch("/api/glossary").then((answer) => (answer.ok ? answer.json() : {}));
  const term = (await terms)[link.dataset.term];
  if (!term) {
    window.location.href = link.href;
    return;
  }
  const title = Object.assign(document.createElement("strong"), { textContent: term.term });
  const words = Object.assign(document.createElement("p"), { textContent: term.short });
  const more = Object.assign(document.createElement("p"), { className: "row" });
  more.append(
    Object.assign(document.createElement("a"), { href: term.docs, textContent: "Documentation", rel: "noopener noreferrer" }),
    Object.assign(document.createElement("a"), { href: link.href, textContent: "Glossary" }),
  );
  card.replaceChildren(title, words, more);
  card.setAttribute("role", "dialog");
  card.setAttribute("aria-label", term.term);
  opener = link;
  card.showPopover();
  const at = link.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, window.innerWidth - card.offsetWidth - 8));
  const below = at.bottom + 6 + card.offsetHeight < window.innerHeight;
  card.style.left = `${left}px`;
  card.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - card.offsetHeight - 6)}px`;
  card.querySelector("a").focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.term[data-term]");
  if (!link || !card?.showPopover || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link);
});
card?.addEventListener("toggle", (event) => {
  if (event.newState !== "closed" || !opener) return;
  if (card.contains(document.activeElement) || document.activeElement === document.body) opener.focus({ preventScroll: true });
  opener = null;
});
window.addEventListener("scroll", () => card?.matches(":popover-open") && card.hidePopover(), { passive: true });

// The heading in view, in the contents.
const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const headings = [...document.querySelectorAll(".prose :is(h2, h3)[id]")].filter((heading) => links.has(heading.id));
let marked = null;
function mark() {
  const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 120);
  const now = links.get((passed.at(-1) ?? headings[0])?.id);
  if (now === marked) return;
  marked?.removeAttribute("aria-current");
  now?.setAttribute("aria-current", "true");
  marked = now;
}
let waiting = false;
window.addEventListener(
  "scroll",
  () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      mark();
    });
  },
  { passive: true },
);
mark();
if (!window.matchMedia("(max-width: 62rem)").matches) document.querySelector(".contents")?.setAttribute("open", "");
