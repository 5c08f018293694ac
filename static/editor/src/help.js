// What the course knows of fields: completion, and a word on the field under the cursor or the pointer.
import { syntaxTree } from "@codemirror/language";
import { headOf, inWords, keysBeside, lineParts, pathTo, typeAt } from "./place.js";

const known = new Map();

function fetched(address) {
  if (!known.has(address)) {
    const asked = fetch(address, { headers: { Accept: "application/json" } }).then((answer) => (answer.ok ? answer.json() : null));
    known.set(address, asked);
    asked.catch(() => known.delete(address));
  }
  return known.get(address).catch(() => null);
}

async function helpFor({ apiVersion, kind }) {
  const kinds = await fetched("/api/schema");
  return kinds && Object.hasOwn(kinds, apiVersion) && kinds[apiVersion].includes(kind) ? fetched(`/api/schema/${apiVersion}/${kind}`) : null;
}

function linesOf(doc) {
  return doc.toString().split("\n");
}

/** What is known of a field: `[holds, meaning, default, values]`, with its path. Null where nothing is. */
async function about(doc, pos) {
  const line = doc.lineAt(pos);
  const parts = lineParts(line.text);
  if (!parts || parts.key === null) return null;
  const lines = linesOf(doc);
  const path = pathTo(lines, line.number - 1, parts.column);
  const help = path && (await helpFor(headOf(lines, line.number - 1)));
  const holder = help && typeAt(help, path);
  const entry = holder && help.types[holder]?.[parts.key];
  if (!entry) return null;
  const from = line.from + line.text.indexOf(parts.key, parts.column);
  return { entry, path: [...path, parts.key], from, to: from + parts.key.length };
}

function words(text, parent, tag, name) {
  if (!text) return;
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  parent.append(element);
}

function card(entry, title) {
  const [holds, meaning, preset, values] = entry;
  const box = document.createElement("div");
  box.className = "field-help";
  words(title, box, "strong");
  words(inWords(holds), box, "span", "field-type");
  if (meaning) words(`${meaning.replace(/[.]$/, "")}.`, box, "p");
  if (values?.length) words(`One of: ${values.join(", ")}`, box, "p");
  if (preset) words(`Default: ${preset}`, box, "p");
  return box;
}

export async function fieldHover(view, pos) {
  const found = await about(view.state.doc, pos);
  if (!found || pos < found.from || pos > found.to) return null;
  return { pos: found.from, end: found.to, above: true, create: () => ({ dom: card(found.entry, found.path.at(-1)) }) };
}

/** The field under the cursor in one line, for whoever has no pointer. */
export async function fieldInWords(state) {
  const found = await about(state.doc, state.selection.main.head);
  if (!found) return "";
  const [holds, meaning, preset] = found.entry;
  const path = found.path.join(".").replaceAll(".[]", "[]");
  return `${path}: ${inWords(holds)}. ${meaning ? `${meaning.replace(/[.]$/, "")}.` : ""}${preset ? ` Default: ${preset}.` : ""}`;
}

function keyOption(name, entry, indent, dash) {
  const [holds] = entry;
  const inner = " ".repeat(indent + dash.length);
  const after = holds.startsWith("[]") ? `:\n${inner}  - ` : holds.startsWith("{}") || holds.includes(".") ? `:\n${inner}  ` : ": ";
  return { label: name, detail: inWords(holds), type: "property", info: () => card(entry, name), apply: dash + name + after };
}

const valueOption = (value) => ({ label: value, type: "constant" });
const BOOLEANS = ["true", "false"];

/** The source of completions: keys and values that fit where the cursor is. */
export async function fieldCompletions(context) {
  const { state, pos } = context;
  const inside = syntaxTree(state).resolveInner(pos, -1).name;
  if (inside === "Comment" || inside === "BlockLiteralContent") return null;
  const line = state.doc.lineAt(pos);
  const before = line.text.slice(0, pos - line.from);
  const lines = linesOf(state.doc);
  const at = line.number - 1;
  const value = /^(\s*(?:-\s+)*)([\w./-]+):\s+(["']?)([\w./-]*)$/.exec(before);
  if (value) return valuesFor(context, lines, at, value);
  const key = /^(\s*)((?:-\s+)*)([\w./-]*)$/.exec(before);
  if (!key || (key[3] === "" && !context.explicit)) return null;
  const column = key[1].length + key[2].length;
  const path = pathTo(lines, at, column);
  if (path === null) return null;
  const from = pos - key[3].length;
  const head = headOf(lines, at);
  const help = await helpFor(head);
  if (!help) return path.length === 0 ? { from, options: rootKeys(lines, at), validFor: /^[\w./-]*$/ } : null;
  let holder = typeAt(help, path);
  let dash = "";
  if (holder?.startsWith("[]") && !key[2]) [holder, dash] = [holder.slice(2), "- "];
  const fields = holder && help.types[holder];
  const taken = dash ? new Set() : keysBeside(lines, at, column);
  if (!fields) return knownWords(help, path, from, dash, taken);
  const options = Object.entries(fields)
    .filter(([name]) => !taken.has(name))
    .map(([name, entry]) => keyOption(name, entry, column, dash));
  return { from, options, validFor: /^[\w./-]*$/ };
}

function rootKeys(lines, at) {
  const taken = keysBeside(lines, at, 0);
  const root = {
    apiVersion: ["string", "Group and version of the API that serves the kind"],
    kind: ["string", "What it is"],
    metadata: ["meta.v1.ObjectMeta", "Its name, namespace and labels"],
  };
  return Object.entries(root)
    .filter(([name]) => !taken.has(name))
    .map(([name, entry]) => keyOption(name, entry, 0, ""));
}

/** Items of a list of single words, such as `accessModes`, or keys of a map, such as `requests`. */
function knownWords(help, path, from, dash, taken) {
  const owner = path.at(-1) === "[]" ? path.slice(0, -1) : path;
  const entry = help.types[typeAt(help, owner.slice(0, -1))]?.[owner.at(-1)];
  if (!entry?.[3]) return null;
  const after = entry[0].startsWith("{}") ? ": " : "";
  const free = entry[3].filter((word) => !taken.has(word));
  return { from, options: free.map((word) => ({ ...valueOption(word), apply: dash + word + after })), validFor: /^[\w./-]*$/ };
}

async function valuesFor(context, lines, at, [, lead, key, quote, typed]) {
  const from = context.pos - typed.length;
  const path = pathTo(lines, at, lead.length);
  if (path === null) return null;
  const head = headOf(lines, at);
  if (path.length === 0 && (key === "kind" || key === "apiVersion")) {
    const kinds = (await fetched("/api/schema")) ?? {};
    const fits = ([version, served]) => (key === "kind" ? !head.apiVersion || version === head.apiVersion : !head.kind || served.includes(head.kind));
    const entries = Object.entries(kinds);
    const chosen = entries.some(fits) ? entries.filter(fits) : entries;
    const options = key === "kind" ? chosen.flatMap(([version, served]) => served.map((word) => ({ ...valueOption(word), detail: version }))) : chosen.map(([version]) => valueOption(version));
    return { from, options, validFor: /^[\w./-]*$/ };
  }
  const help = await helpFor(head);
  const holder = help && typeAt(help, path);
  const entry = holder && help.types[holder]?.[key];
  if (!entry) return null;
  const values = entry[3] ?? (entry[0] === "boolean" && !quote ? BOOLEANS : []);
  return values.length ? { from, options: values.map(valueOption), validFor: /^[\w./-]*$/ } : null;
}
