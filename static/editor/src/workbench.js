// The workbench with JavaScript: the editor, as soon as it can be of use, and what makes menus and uploads handier.

const byId = (id) => document.getElementById(id);
const SIGNS = ["pointerdown", "pointermove", "touchstart", "wheel", "scroll", "keydown", "focusin"];

/** Load the editor: at once where there is room and a pointer, else with the first sign of somebody who wants to do something. */
function loadEditor(form, field) {
  let typed = false;
  field.addEventListener("input", () => (typed = true));
  const load = async (event) => {
    if (event?.type === "scroll" && event.target !== document) return; // the tabs, by ourselves
    for (const sign of SIGNS) window.removeEventListener(sign, load, true);
    try {
      const { start } = await import("./bench.js");
      start(form, typed ? field.value : null);
    } catch (error) {
      console.error("the editor could not be loaded; the text field does the same", error);
    }
  };
  if (window.matchMedia("(hover: hover) and (min-width: 62rem)").matches || form.dataset.learnerLine) load();
  else for (const sign of SIGNS) window.addEventListener(sign, load, { capture: true, passive: true });
}

/** Files that are dropped anywhere on the page are uploaded. */
function takeDrops(form) {
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener(
    "dragover",
    (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    },
    true,
  );
  window.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"), true);
  window.addEventListener(
    "drop",
    (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      event.stopPropagation();
      document.body.classList.remove("dropping");
      form.elements.files.files = event.dataTransfer.files;
      form.requestSubmit();
    },
    true,
  );
}

const tab = document.querySelector(".tab[aria-current]");
if (tab) {
  const [inner, outer] = [tab.getBoundingClientRect(), tab.parentElement.getBoundingClientRect()];
  tab.parentElement.scrollTo({ left: inner.left - outer.left - 24, top: inner.bottom > outer.bottom ? inner.top - outer.top : 0, behavior: "instant" });
}
const upload = byId("upload");
if (upload) takeDrops(upload);
const form = byId("editor");
if (form) loadEditor(form, byId("content"));
document.addEventListener("htmx:afterSwap", (event) => {
  const hint = byId(event.detail.target.id)?.querySelector(".hints li:last-child");
  hint?.focus({ preventScroll: true });
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
