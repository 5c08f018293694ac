// The editor itself: YAML, hand-picked parts, colours from the page's tokens.
import { defaultKeymap, history, historyField, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-text)" },
  { tag: tags.comment, color: "var(--quiet)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.meta, tags.typeName, tags.labelName], color: "var(--odd)" },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace], color: "var(--quiet)" },
]);

const look = EditorView.theme({
  "&": { backgroundColor: "var(--raised)", color: "var(--ink)", fontSize: "0.875rem" },
  "&.cm-focused": { outline: "2.5px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)", padding: "0.5rem 0" },
  ".cm-gutters": { backgroundColor: "var(--sunk)", color: "var(--quiet)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent-soft) 45%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
  ".cm-content ::selection, &.cm-focused ::selection": { backgroundColor: "color-mix(in srgb, var(--accent) 35%, transparent)" },
  ".cm-selectionMatch": { backgroundColor: "var(--warn-soft)" },
  ".cm-searchMatch": { backgroundColor: "var(--warn-soft)", outline: "1px solid var(--warn)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--accent-soft)", outline: "2px solid var(--accent)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--good-soft)", outline: "1px solid var(--good)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--edge)", borderRadius: "var(--round)", zIndex: "9" },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "16rem" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "0.15rem 0.5rem" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--accent-ink)" },
  ".cm-completionDetail": { fontStyle: "normal", color: "var(--quiet)", marginLeft: "0.9em" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionIcon": { display: "none" },
  ".cm-completionInfo": { padding: "0", maxWidth: "24rem" },
  ".cm-panels": { backgroundColor: "var(--sunk)", color: "var(--ink)", borderTop: "1px solid var(--line)" },
  ".cm-panel.cm-search": { padding: "0.4rem 0.6rem", fontSize: "0.875rem" },
  ".cm-textfield": { backgroundColor: "var(--paper)", border: "1px solid var(--edge)", minHeight: "1.75rem", fontSize: "0.875rem" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--raised)", border: "1px solid var(--edge)", minHeight: "1.75rem", fontSize: "0.875rem" },
  ".cm-diagnostic": { padding: "0.4rem 0.7rem", whiteSpace: "pre-wrap", maxWidth: "34rem" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--bad)" },
  ".cm-diagnostic-warning": { borderLeft: "4px solid var(--warn)" },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--accent-ink)", borderRadius: "4px", padding: "0.15rem 0.5rem", minHeight: "1.5rem" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)", textDecorationSkipInk: "none" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--warn)", textDecorationSkipInk: "none" },
});

const tools = new Compartment();

/** Add completion, search and help on fields, which are loaded when somebody first comes near; gives help's words on the field at the cursor. */
export async function addTools(view) {
  const loaded = await import("./tools.js");
  view.dispatch({ effects: tools.reconfigure(loaded.extensions) });
  loaded.completeWord(view); // for whoever was quicker than they came
  return loaded.fieldInWords;
}

/** The configuration of one file's editor; `changed(update)` is told of every update. */
function extensions(name, nonce, changed) {
  return [
    EditorView.cspNonce.of(nonce),
    EditorView.contentAttributes.of({ "aria-label": `Contents of ${name}`, "aria-describedby": "keys", tabindex: "0", spellcheck: "false", autocapitalize: "off", autocorrect: "off" }),
    EditorState.tabSize.of(2),
    indentUnit.of("  "),
    lineNumbers(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    history({ newGroupDelay: 800 }),
    bracketMatching(),
    lintGutter(),
    yaml(),
    syntaxHighlighting(colours),
    tools.of([]),
    keymap.of([...lintKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab]),
    look,
    EditorView.updateListener.of(changed),
  ];
}

const FIELDS = { history: historyField };

/** The state as plain data, with the history of changes. */
export const stateData = (state) => state.toJSON(FIELDS);

/** An editor in `parent`. `kept` is what stateData gave for this file before; `null` begins anew with `text`. */
export function makeEditor(parent, name, text, kept, changed) {
  const nonce = document.querySelector('meta[name="style-nonce"]').content;
  const parts = extensions(name, nonce, changed);
  let state = null;
  if (kept) {
    try {
      state = EditorState.fromJSON(kept, { extensions: parts }, FIELDS);
    } catch {
      state = null; // written by another version of the editor
    }
  }
  return new EditorView({ parent, state: state ?? EditorState.create({ doc: text, extensions: parts }) });
}

/** Mark the problems of one file at their lines, each with its correction where there is a certain one. */
export function showProblems(view, problems) {
  const { doc } = view.state;
  const marks = problems.map(({ line, column, message, severity, suggestion }) => {
    const at = doc.line(Math.min(Math.max(line ?? 1, 1), doc.lines));
    const word = suggestion ? at.text.indexOf(suggestion.written) : -1;
    const lead = at.text.length - at.text.trimStart().length;
    const from = at.from + (word >= 0 ? word : Math.min(column ? column - 1 : lead, at.length));
    const to = word >= 0 ? from + suggestion.written.length : at.from + at.text.trimEnd().length;
    const mark = { from, to: Math.max(from, to), severity, message: message.replaceAll("`", "") };
    if (word >= 0) {
      const { written, instead } = suggestion;
      const apply = (editor, start, end) => {
        if (editor.state.sliceDoc(start, end) === written) editor.dispatch({ changes: { from: start, to: end, insert: instead }, userEvent: "input.fix" });
      };
      mark.actions = [{ name: `Write ${instead}`, apply }];
    }
    return mark;
  });
  view.dispatch(setDiagnostics(view.state, marks.sort((one, other) => one.from - other.from)));
}

/** Put the cursor at the beginning of a line, in the middle of what is seen. */
export function goTo(view, number, focus = true) {
  const line = view.state.doc.line(Math.min(Math.max(number, 1), view.state.doc.lines));
  const from = line.from + (line.text.length - line.text.trimStart().length);
  view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
  if (focus) view.focus();
}
