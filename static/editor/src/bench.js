// The editor in place of the text field: verdicts while typing, and nothing lost.
import { addTools, goTo, makeEditor, showProblems, stateData } from "./editor.js";
import { Keeper } from "./keeper.js";

const byId = (id) => document.getElementById(id);

function announce(words) {
  const place = byId("announcer");
  place.textContent = "";
  window.setTimeout(() => (place.textContent = words), 50);
}

/** Replace an element by one of the same id from the server. What is inside keeps the focus, by its id. */
function swap(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
  const old = byId(fresh.id);
  const focused = old.contains(document.activeElement) ? document.activeElement.closest("[id]")?.id : null;
  old.replaceWith(fresh);
  window.htmx?.process(fresh);
  if (focused) byId(focused)?.focus({ preventScroll: true });
}

const statusesOf = () => Object.fromEntries([...document.querySelectorAll(".objective")].map((item) => [item.id.slice(10), item.dataset.status]));

function tellChanges(before, { statuses, passed, counted, complete }, asked) {
  const changed = Object.entries(statuses).filter(([id, status]) => before[id] !== status);
  const worth = changed.filter(([id, status]) => status === "passed" || before[id] === "passed");
  const words = worth.slice(0, 3).map(([id, status]) => `${id} ${status}`);
  if (worth.length > 3) words.push(`and ${worth.length - 3} more`);
  if (complete && worth.length) words.push("the lesson is complete");
  if (words.length || asked) announce([...words, `${passed} of ${counted}`].join("; "));
}

const WORDS = { saved: "Saved", waits: "Saved.", unsaved: "…", saving: "Saving…", offline: "Not saved: the course does not answer. Is it still running? Trying again.", refused: "Not saved." };

/** Put the editor in place of the form's text field, with what was `typed` into that meanwhile, null for nothing. */
export function start(form, typed) {
  const field = byId("content");
  const { file, lesson } = form.dataset;
  const shelf = `workbench/${file}`;
  const served = { version: Number(form.dataset.version), stored: field.defaultValue.replaceAll("\r\n", "\n") };
  const kept = typed === null ? keptState(shelf, served) : null;
  const focused = document.activeElement === field ? field.selectionStart : -1;
  const keys = byId("keys");
  const saving = byId("saving");
  const helpLine = document.createElement("p");
  helpLine.id = "field-line";
  helpLine.className = "quiet small";
  const host = document.createElement("div");
  host.className = "editor-host";
  field.before(host);

  let problems = JSON.parse(byId("editor-problems").textContent).filter((problem) => problem.file === file);
  const view = makeEditor(host, file, typed ?? served.stored, kept?.state, (update) => {
    if (update.docChanged) keeper.changed();
    if (update.docChanged || update.selectionSet) tellField();
  });
  host.after(helpLine);
  document.documentElement.classList.add("has-editor");
  keys.hidden = false;
  field.hidden = true;
  field.disabled = true; // the editor's text is sent instead
  form.querySelector("label").htmlFor = "";

  let fieldInWords = null;
  const near = async () => {
    for (const name of ["focusin", "pointerenter"]) host.removeEventListener(name, near);
    try {
      fieldInWords = await addTools(view);
      tellField();
    } catch {
      for (const name of ["focusin", "pointerenter"]) host.addEventListener(name, near); // the server did not answer
    }
  };
  for (const name of ["focusin", "pointerenter"]) host.addEventListener(name, near);

  let asked = 0;
  function tellField() {
    const mine = ++asked;
    window.setTimeout(async () => {
      if (mine !== asked || !fieldInWords) return;
      const words = await fieldInWords(view.state);
      if (mine === asked) helpLine.textContent = words;
    }, 150);
  }

  const keeper = new Keeper({
    address: `/workbench/${lesson}`,
    file,
    version: kept?.version ?? served.version,
    stored: kept?.stored ?? served.stored,
    text: () => view.state.doc.toString(),
    told: {
      state(name, why) {
        saving.textContent = why ? `${WORDS[name]} ${why}` : WORDS[name];
        const trouble = name === "offline" || name === "refused";
        if (trouble && saving.dataset.state !== name) announce(saving.textContent);
        saving.dataset.state = name;
      },
      stored(version) {
        for (const input of document.querySelectorAll('input[name="version"]')) input.value = version;
      },
      judged(data, what) {
        const before = statusesOf();
        this.stored(data.version);
        swap(data.objectives);
        swap(data.problems_list);
        problems = data.problems.filter((problem) => problem.file === file);
        showProblems(view, problems);
        tellChanges(before, data, what === "check");
        remember();
      },
      conflict: showConflict,
    },
  });

  let decided = false; // the text has gone on to another page
  function remember() {
    if (decided) return;
    try {
      sessionStorage.setItem(shelf, JSON.stringify({ version: keeper.version, stored: keeper.stored, state: stateData(view.state) }));
    } catch {
      sessionStorage.removeItem(shelf); // too long: the text itself is stored by the server
    }
  }

  function showConflict(theirs) {
    const box = byId("conflict");
    box.replaceChildren();
    const title = document.createElement("h3");
    title.id = "conflict-title";
    title.textContent = theirs ? `${file} was changed elsewhere, perhaps in another tab` : `${file} was deleted or renamed elsewhere`;
    const words = document.createElement("p");
    words.textContent = "What you see here is not stored any more. Nothing is lost: choose.";
    const row = document.createElement("p");
    row.className = "row";
    const choice = (name, act) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", act);
      row.append(button);
    };
    const hand = (address, fields) => {
      decided = true;
      sessionStorage.removeItem(shelf);
      if (fields) submit(address, fields);
      else window.location.assign(address);
    };
    const close = () => {
      box.hidden = true;
      view.focus();
    };
    if (theirs) {
      choice("Keep mine", () => (keeper.chosen(), close()));
      choice("Take theirs", () => (replaceAll(theirs.content), keeper.chosen(), close()));
      choice("See the difference", () => hand(`/workbench/${lesson}`, { file, version: keeper.version, content: keeper.text(), do: "save" }));
    } else {
      choice("Make the file again", () => hand(`/workbench/${lesson}/new`, { name: file, content: keeper.text() }));
      choice("Leave it", () => hand(`/workbench/${lesson}`));
    }
    box.append(title, words, row);
    box.hidden = false;
    row.firstElementChild.focus();
  }

  function replaceAll(text) {
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, userEvent: "input.replace" });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    keeper.store("check");
  });
  window.addEventListener("pagehide", () => {
    remember();
    if (!decided) keeper.last();
  });
  document.addEventListener("visibilitychange", async () => {
    if (document.visibilityState === "hidden") {
      keeper.store("preview");
      return;
    }
    const newer = await keeper.newer();
    if (newer === null) return;
    replaceAll(newer.content);
    keeper.goOnFrom(newer.version);
    announce(`${file} was changed elsewhere; this is the newest text`);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && (event.key === "s" || event.key === "Enter")) {
      event.preventDefault();
      keeper.store("check");
    }
  });
  // Leaving by a link or a form: only after all is stored.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.target) return;
    if (link.matches(".place") && link.dataset.file === file) {
      event.preventDefault();
      goTo(view, Number(link.dataset.line ?? 1));
    } else if (keeper.dirty && !link.getAttribute("href").startsWith("#")) {
      event.preventDefault();
      keeper.store("preview").then(() => (remember(), window.location.assign(link.href)));
    }
  });
  let leaving = false;
  document.addEventListener("submit", (event) => {
    const { target, submitter } = event;
    if (target === form || event.defaultPrevented || target.hasAttribute("hx-post") || !keeper.dirty || leaving) return;
    event.preventDefault();
    keeper.store("preview").then(() => {
      leaving = true;
      remember();
      target.requestSubmit(submitter);
    });
  });

  showProblems(view, problems);
  if (keeper.dirty) keeper.changed();
  const line = Number(form.dataset.learnerLine);
  if (line) goTo(view, line);
  if (focused >= 0) {
    view.dispatch({ selection: { anchor: Math.min(focused, view.state.doc.length) } });
    view.focus();
  }
}

/** The editor as it was before a reload: of the text that the server has now, or of one that was never stored. Null for neither. */
function keptState(shelf, served) {
  try {
    const { version, stored, state } = JSON.parse(sessionStorage.getItem(shelf));
    if (state.doc === served.stored || (version === served.version && stored === served.stored)) return { ...served, state };
    return state.doc === stored ? null : { version, stored, state };
  } catch {
    return null;
  }
}

/** Send a form to a page. */
function submit(address, fields) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = address;
  const all = { ...fields, csrf_token: document.querySelector('meta[name="csrf-token"]').content };
  for (const [name, value] of Object.entries(all)) {
    const input = document.createElement("textarea");
    input.name = name;
    input.value = value;
    form.append(input);
  }
  form.hidden = true;
  document.body.append(form);
  form.submit();
}
