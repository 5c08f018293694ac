// What an editor needs only once somebody writes in it: completion, search, help on fields.
import { autocompletion, closeBrackets, closeBracketsKeymap, startCompletion } from "@codemirror/autocomplete";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Prec } from "@codemirror/state";
import { hoverTooltip, keymap } from "@codemirror/view";
import { fieldCompletions, fieldHover } from "./help.js";
import { indentAfter } from "./place.js";

export { fieldInWords } from "./help.js";

/** Enter at the end of a line: indented as YAML goes on there. Elsewhere the editor's own Enter. */
function newLine({ state, dispatch }) {
  const { main, ranges } = state.selection;
  const line = state.doc.lineAt(main.head);
  if (ranges.length > 1 || !main.empty || state.sliceDoc(main.head, line.to).trim() !== "") return false;
  const insert = state.lineBreak + " ".repeat(indentAfter(state.sliceDoc(line.from, main.head)));
  dispatch(state.update({ changes: { from: main.head, to: line.to, insert }, selection: { anchor: main.head + insert.length }, scrollIntoView: true, userEvent: "input" }));
  return true;
}

/** Offer completions where somebody is in the middle of a word that they have just typed. */
export function completeWord(view) {
  const { main } = view.state.selection;
  const before = view.state.sliceDoc(Math.max(main.head - 1, 0), main.head);
  if (view.hasFocus && main.empty && /\w/.test(before) && main.head === view.state.doc.lineAt(main.head).to) startCompletion(view);
}

export const extensions = [
  closeBrackets(),
  highlightSelectionMatches(),
  search({ top: false }),
  autocompletion({ override: [fieldCompletions], icons: false, maxRenderedOptions: 60 }),
  hoverTooltip(fieldHover, { hoverTime: 350 }),
  Prec.high(keymap.of([...closeBracketsKeymap, ...searchKeymap, { key: "Enter", run: newLine }])),
];
