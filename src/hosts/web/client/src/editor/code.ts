// The editor component: CodeMirror, as the page wants it.
//
// Invariant: it lives in a shadow root, where its style sheets are constructed and adopted; in the page itself it would
// write style elements, which the content security policy forbids.

import { defaultKeymap, history, historyKeymap, indentSelection } from "@codemirror/commands";
import {
  bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting,
} from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { moo } from "./moo";
import type { Fault } from "./subject";

/** What the editor tells the page. */
export interface CodeHearer {
  changed(): void;
  save(): void;
}

// The colours of `style.css`: each legible on its paper.
const COLOURS = HighlightStyle.define([
  { tag: tags.keyword, color: "light-dark(#7a3e9d, #c8a0e0)" },
  { tag: tags.string, color: "light-dark(#2f6f3e, #9ccc9c)" },
  { tag: tags.number, color: "light-dark(#8a5300, #e0b470)" },
  { tag: tags.atom, color: "light-dark(#8a5300, #e0b470)" },
  { tag: tags.comment, color: "light-dark(#6a6a66, #9a9a94)", fontStyle: "italic" },
  { tag: tags.function(tags.propertyName), color: "light-dark(#1c5f8f, #8fc3ea)" },
  { tag: tags.function(tags.variableName), color: "light-dark(#1c5f8f, #8fc3ea)" },
  { tag: tags.propertyName, color: "light-dark(#14676a, #84c8c4)" },
  { tag: tags.special(tags.variableName), color: "light-dark(#a0362f, #eb9a92)" },
  { tag: [tags.operator, tags.punctuation, tags.bracket], color: "light-dark(#55565a, #b0b0aa)" },
]);

const LOOK = EditorView.theme({
  "&": { height: "100%", fontSize: "0.875rem", color: "var(--ink)", backgroundColor: "var(--paper)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-gutters": { backgroundColor: "var(--paper)", color: "var(--muted)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--wash)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "light-dark(#cfe3e0, #2f4a4a)",
  },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--raised)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
});

/** An editor for one text at a time. */
export class CodeEditor {
  readonly element = document.createElement("div");
  readonly #view: EditorView;
  readonly #look: Extension;

  constructor(hearer: CodeHearer) {
    this.element.className = "code";
    const root = this.element.attachShadow({ mode: "open" });
    this.#look = lookOf(hearer);
    this.#view = new EditorView({ root, parent: root });
  }

  /** A state for a text that is opened: its own cursor, and its own undo. */
  opened(text: string, label: string, kind: "verb" | "property"): EditorState {
    const named = EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" });
    return EditorState.create({ doc: text, extensions: [this.#look, named, kind === "verb" ? lintGutter() : []] });
  }

  /** The state of the text that is shown. */
  get state(): EditorState {
    return this.#view.state;
  }

  /** Shows a text. */
  show(state: EditorState): void {
    this.#view.setState(state);
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  /** Puts another text in place of all; it can be undone. */
  replace(text: string): void {
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
  }

  /** Indents everything as the language does. */
  tidy(): void {
    const selection = this.#view.state.selection;
    this.#view.dispatch({ selection: { anchor: 0, head: this.#view.state.doc.length } });
    indentSelection(this.#view);
    this.#view.dispatch({ selection: { anchor: Math.min(selection.main.anchor, this.#view.state.doc.length) } });
  }

  focus(): void {
    this.#view.focus();
  }

  /** Marks what is wrong, and goes to the first of it. */
  mark(faults: readonly Fault[]): void {
    const { doc } = this.#view.state;
    const diagnostics: Diagnostic[] = faults.map(({ line, column, message }) => {
      const at = doc.line(Math.min(Math.max(1, line), doc.lines));
      const from = Math.min(at.from + Math.max(0, column), at.to);
      return { from: from === at.to ? at.from : from, to: at.to, severity: "error", message };
    });
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics));
    const first = diagnostics[0];
    if (first !== undefined) this.goTo(first.from);
  }

  /** Goes to a line, from 1. */
  goToLine(line: number): void {
    const { doc } = this.#view.state;
    this.goTo(doc.line(Math.min(Math.max(1, line), doc.lines)).from);
  }

  private goTo(place: number): void {
    this.#view.dispatch({ selection: { anchor: place }, scrollIntoView: true });
    this.#view.focus();
  }
}

/** Tab is left to the browser, so that the keyboard can leave the editor; Enter indents. */
function lookOf(hearer: CodeHearer): Extension {
  const save = { key: "Mod-s", preventDefault: true, run: () => (hearer.save(), true) };
  return [
    lineNumbers(), history(), drawSelection(), highlightActiveLine(), highlightActiveLineGutter(), bracketMatching(),
    highlightSelectionMatches(), search({ top: true }), indentUnit.of("  "), indentOnInput(), EditorState.tabSize.of(2),
    EditorView.lineWrapping, moo, syntaxHighlighting(COLOURS), LOOK,
    keymap.of([save, ...searchKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
    EditorView.updateListener.of((update) => update.docChanged && hearer.changed()),
  ];
}
