// Where in an object a place of a YAML text is, told by indentation alone: it works for texts that nobody could parse yet.

/** One line taken apart: where its dashes and its key stand, and what follows the key. Null for an empty line or a comment. */
export function lineParts(text) {
  const found = /^(\s*)((?:-\s+|-$)*)(.*)$/.exec(text);
  const rest = found[3];
  if (rest.startsWith("#") || (rest === "" && found[2] === "")) return null;
  const dashes = [];
  for (let at = found[1].length; at < found[1].length + found[2].length; at++) if (text[at] === "-") dashes.push(at);
  const column = found[1].length + found[2].length;
  const key = /^(?:"([^"]*)"|'([^']*)'|([^\s#:"'{[][^:]*?))\s*:(?:\s+(.*)|)$/.exec(rest);
  return { dashes, column, key: key ? (key[1] ?? key[2] ?? key[3]) : null, value: key ? (key[4] ?? "") : rest };
}

/** How far the line after `text` is to be indented: into what a key has just opened, else as the keys of the same map. */
export function indentAfter(text) {
  const parts = lineParts(text);
  if (!parts) return text.length - text.trimStart().length;
  return parts.key !== null && /^(?:[|>][+-]?\d?|#.*|)\s*$/.test(parts.value) ? parts.column + 2 : parts.column;
}

/** The first and last line (from 0) of the document that a line belongs to. */
function bounds(lines, at) {
  let first = at;
  let last = at;
  while (first > 0 && !/^---(\s|$)/.test(lines[first - 1])) first--;
  while (last + 1 < lines.length && !/^---(\s|$)/.test(lines[last + 1])) last++;
  return [first, last];
}

function unquoted(text) {
  return text.replace(/\s+#.*$/, "").replace(/^(["'])(.*)\1$/, "$2").trim();
}

/** API version and kind of the document that a line belongs to; empty where they are not written yet. */
export function headOf(lines, at) {
  const [first, last] = bounds(lines, at);
  const head = { apiVersion: "", kind: "" };
  for (let line = first; line <= last; line++) {
    const found = /^(apiVersion|kind):\s+(.+)$/.exec(lines[line]);
    if (found) head[found[1]] ||= unquoted(found[2]);
  }
  return head;
}

/**
 * The steps that lead to what stands at `column` of a line: names of keys, and `[]` for each list. Null inside a text of several lines,
 * where nothing is a field.
 */
export function pathTo(lines, at, column) {
  const [first] = bounds(lines, at);
  const path = [];
  let limit = column;
  let beside = false; // a list may stand at the column of the key that holds it
  const here = lineParts(lines[at]);
  const enter = (dashes) => {
    for (const dash of [...dashes].reverse()) {
      if (dash < limit) {
        path.unshift("[]");
        limit = dash;
        beside = true;
      }
    }
  };
  if (here) enter(here.dashes);
  for (let line = at - 1; line >= first && (limit > 0 || beside); line--) {
    const parts = lineParts(lines[line]);
    if (!parts) continue;
    if (parts.key !== null && (parts.column < limit || (beside && parts.column === limit && !parts.dashes.includes(limit)))) {
      if (/^[|>]/.test(parts.value)) return null;
      path.unshift(parts.key);
      limit = parts.column;
      beside = false;
      enter(parts.dashes);
    } else if (!beside) {
      enter(parts.dashes);
    } else if (parts.dashes.some((dash) => dash < limit)) {
      enter(parts.dashes.filter((dash) => dash < limit));
    }
  }
  return path;
}

/** The keys that stand beside what is at `column` of a line. */
export function keysBeside(lines, at, column) {
  const [first, last] = bounds(lines, at);
  const keys = new Set();
  for (const step of [-1, 1]) {
    for (let line = at + (step > 0 ? 1 : 0); line >= first && line <= last; line += step) {
      const parts = lineParts(lines[line]);
      if (!parts) continue;
      const begins = parts.dashes.some((dash) => dash < column) && parts.column === column;
      if (begins && step > 0) break;
      if (parts.column < column || parts.dashes.some((dash) => dash < column && parts.column > column)) break;
      if (line !== at && parts.column === column && parts.key !== null) keys.add(parts.key);
      if (begins) break;
    }
  }
  return keys;
}

/** The type at the end of a path, beginning at the root of `help` ({root, types}); null where nothing is known. */
export function typeAt(help, path) {
  let type = help.root;
  for (const step of path) {
    if (type === null || type === undefined) return null;
    if (step === "[]") {
      if (!type.startsWith("[]")) return null;
      type = type.slice(2);
    } else if (type.startsWith("{}")) {
      type = type.slice(2);
    } else {
      type = help.types[type]?.[step]?.[0] ?? null;
    }
  }
  return type ?? null;
}

const WORDS = { int32: "whole number", int64: "whole number", intOrString: "whole number or string", bytes: "base64", microTime: "time", any: "anything" };

/** A type in words: `list of Container`. */
export function inWords(type) {
  if (type.startsWith("[]")) return `list of ${inWords(type.slice(2))}`;
  if (type.startsWith("{}")) return `map to ${inWords(type.slice(2))}`;
  return WORDS[type] ?? (type.includes(".") ? type.slice(type.lastIndexOf(".") + 1) : type);
}
