// The editor: open verbs and properties, one tab each, and the list of what an object has.
//
// Invariant: a text that was changed is kept until it is saved or its tab is closed on purpose; a save never goes over a
// text that was not seen.

import type { EditorState } from "@codemirror/state";
import { CodeEditor } from "../editor/code";
import { type Fault, faultsOf, fetching, saving, type Subject, subjectOf, titleOf, type Version, versionOf } from "../editor/subject";
import { type Fields, fieldsIn, objectIn, objectsIn, stringsIn, textIn } from "../net/json";
import { Refusal } from "../net/session";
import { askWhich } from "./conflict";
import { h, iconButton, refill } from "./dom";
import { ICONS } from "./icons";

/** What the editor needs of the page. */
export interface EditorHearer {
  ask(message: Fields): Promise<Fields>;
  announce(text: string): void;
  close(): void;
}

/** Something that is open. */
interface Open {
  /** What it was opened as. */
  readonly title: string;
  readonly subject: Subject;
  /** The text as the server had it when it was fetched or saved last. */
  loaded: Version;
  state: EditorState;
  faults: readonly Fault[];
}

/** The panel. */
export class EditorPanel {
  readonly #code: CodeEditor;
  readonly #address = h("input", { id: "subject", autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: "$room:look_self, me.description, here" });
  readonly #tabs = h("ul", { class: "tabs", "aria-label": "Open texts" });
  readonly #found = h("div", { class: "found", hidden: true });
  readonly #message = h("p", { class: "message" });
  readonly #faults = h("ul", { class: "faults", "aria-label": "Errors" });
  readonly #save = h("button", { type: "button", class: "primary", onclick: () => void this.save() }, "Save");
  readonly #tidy = h("button", { type: "button", onclick: () => this.#code.tidy() }, "Indent");
  readonly #work: HTMLElement;
  readonly element: HTMLElement;
  #open: Open[] = [];
  #current: Open | undefined;

  constructor(private readonly hearer: EditorHearer) {
    this.#code = new CodeEditor({ changed: () => this.#changed(), save: () => void this.save() });
    this.#work = h("div", { class: "work", hidden: true }, this.#code.element, this.#faults, h("div", { class: "actions" }, this.#message, this.#tidy, this.#save));
    const seek = (event: Event): void => {
      event.preventDefault();
      void this.seek(this.#address.value);
    };
    this.element = h(
      "section",
      { class: "editor", id: "editor", hidden: true, "aria-labelledby": "editor-title" },
      h("div", { class: "bar" }, h("h2", { id: "editor-title" }, "Editor"), iconButton("Close the editor", ICONS.close, () => this.hearer.close())),
      h("form", { class: "seek", onsubmit: seek }, h("label", { for: "subject" }, "Verb, property or object"),
        h("div", { class: "row" }, this.#address, h("button", { type: "submit" }, "Open"))),
      this.#found, this.#tabs, this.#work,
    );
    window.addEventListener("beforeunload", (event) => this.#open.some((one) => this.#isChanged(one)) && event.preventDefault());
  }

  /** Where one starts: at the text, or at the question for one. */
  focus(): void {
    if (this.#current === undefined) this.#address.focus();
    else this.#code.focus();
  }

  /** Opens a verb or a property, or lists what an object has. */
  async seek(text: string): Promise<void> {
    const subject = subjectOf(text);
    try {
      if (subject !== undefined) await this.open(subject);
      else if (text.trim() !== "") await this.#list(text.trim());
    } catch (error) {
      this.#found.hidden = false;
      refill(this.#found, h("p", { class: "error" }, reasonOf(error)));
      this.hearer.announce(reasonOf(error));
    }
  }

  /** Opens a text, or goes to it if it is open. */
  async open(subject: Subject): Promise<void> {
    const title = titleOf(subject);
    const known = this.#open.find((one) => one.title === title);
    if (known !== undefined) return this.#show(known);
    const named = await this.#named(subject);
    const loaded = versionOf(await this.hearer.ask(fetching(named)));
    const state = this.#code.opened(loaded.text, title, subject.kind);
    const opened: Open = { title, subject: named, loaded, state, faults: [] };
    this.#open.push(opened);
    this.#found.hidden = true;
    this.#show(opened);
  }

  /** The same, with an object's number in place of what only the player calls it. */
  async #named(subject: Subject): Promise<Subject> {
    if (/^[#$]/.test(subject.object)) return subject;
    const answer = await this.hearer.ask({ type: "Resolve", object: subject.object });
    return { ...subject, object: objectIn(answer, "value") || subject.object };
  }

  /** Saves the text that is shown. */
  async save(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    const text = this.#code.text;
    this.#say("Saving …");
    try {
      const answer = await this.hearer.ask(saving(current.subject, text, current.loaded.etag));
      const etag = textIn(answer, "etag");
      // One that was sent twice is answered without its mark.
      current.loaded = etag === "" ? versionOf(await this.hearer.ask(fetching(current.subject))) : { text, etag };
      this.#mark(current, []);
      this.#say("Saved.", true);
    } catch (error) {
      await this.#notSaved(current, text, error);
    }
    this.#listTabs();
  }

  async #notSaved(current: Open, text: string, error: unknown): Promise<void> {
    if (!(error instanceof Refusal)) throw error;
    if (error.code === "CHANGED") {
      const theirs = versionOf(fieldsIn(error.fields, "current"));
      if (theirs.text !== text) return this.#settle(current, text, theirs);
      current.loaded = theirs;
      this.#mark(current, []);
      return this.#say("Saved.", true);
    }
    const faults = faultsOf(error.fields);
    this.#mark(current, faults);
    const first = faults[0];
    this.#say(first === undefined ? `Not saved: ${error.message}` : `Not saved. Line ${first.line}: ${first.message}`, true);
  }

  async #settle(current: Open, mine: string, theirs: Version): Promise<void> {
    this.#say("Not saved: somebody else has changed it.");
    const choice = await askWhich(current.title, theirs.text, mine);
    if (choice === "later" || this.#current !== current) return this.#code.focus();
    current.loaded = theirs;
    if (choice === "mine") return this.save();
    this.#code.replace(theirs.text);
    this.#mark(current, []);
    this.#say("This is their text; undo brings yours back.", true);
    this.#code.focus();
  }

  async #list(object: string): Promise<void> {
    const [verbs, properties] = await Promise.all([
      this.hearer.ask({ type: "Verbs", object, inherited: false }),
      this.hearer.ask({ type: "Properties", object, inherited: true }),
    ]);
    const verbItems = objectsIn(verbs, "verbs").map((info) =>
      this.#item({ kind: "verb", object, name: firstName(info) }, stringsIn(info, "names").join(" ")));
    const propertyItems = objectsIn(properties, "properties").map((info) =>
      this.#item({ kind: "property", object, name: textIn(info, "name") }, textIn(info, "name")));
    this.#found.hidden = false;
    refill(this.#found, listOf(`Verbs of ${object}`, verbItems), listOf(`Properties of ${object}`, propertyItems));
    this.hearer.announce(`${verbItems.length} verbs, ${propertyItems.length} properties.`);
  }

  #item(subject: Subject, words: string): HTMLElement {
    return h("li", {}, h("button", { type: "button", onclick: () => void this.seek(titleOf(subject)) }, words));
  }

  #show(one: Open): void {
    if (this.#current !== undefined) this.#current.state = this.#code.state;
    this.#current = one;
    this.#work.hidden = false;
    this.#code.show(one.state);
    this.#mark(one, one.faults);
    this.#say("");
    this.#listTabs();
    this.#code.focus();
  }

  #close(one: Open): void {
    if (this.#isChanged(one) && !confirm(`${one.title} is not saved. Close it all the same?`)) return;
    this.#open = this.#open.filter((other) => other !== one);
    if (this.#current === one) this.#current = undefined;
    const next = this.#open.at(-1);
    if (this.#current === undefined && next !== undefined) return this.#show(next);
    this.#work.hidden = this.#current === undefined;
    this.#listTabs();
    this.focus();
  }

  #isChanged(one: Open): boolean {
    const text = one === this.#current ? this.#code.text : one.state.doc.toString();
    return text !== one.loaded.text;
  }

  #changed(): void {
    this.#say("");
    this.#listTabs();
  }

  #mark(one: Open, faults: readonly Fault[]): void {
    one.faults = faults;
    this.#code.mark(faults);
    refill(this.#faults, ...faults.map(({ line, message }) =>
      h("li", {}, h("button", { type: "button", onclick: () => this.#code.goToLine(line) }, `Line ${line}: ${message}`))));
    this.#faults.hidden = faults.length === 0;
  }

  #say(text: string, aloud = false): void {
    this.#message.textContent = text;
    if (aloud) this.hearer.announce(text);
  }

  #listTabs(): void {
    refill(this.#tabs, ...this.#open.map((one) => {
      const { title } = one;
      const changed = this.#isChanged(one);
      return h("li", { class: one === this.#current ? "current" : null },
        h("button", { type: "button", "aria-current": one === this.#current ? "true" : null, onclick: () => this.#show(one) },
          title, changed && h("span", { class: "changed", title: "not saved" }, " •"), changed && h("span", { class: "hidden" }, " not saved")),
        h("button", { type: "button", class: "quiet close", "aria-label": `Close ${title}`, onclick: () => this.#close(one) }, "×"));
    }));
  }
}

/** A verb's first name, as it is called: `l*ook` is `look`. */
function firstName(info: Fields): string {
  return (stringsIn(info, "names")[0] ?? "").replaceAll("*", "");
}

function listOf(title: string, items: readonly HTMLElement[]): HTMLElement {
  return h("section", {}, h("h3", {}, title), items.length > 0 ? h("ul", {}, ...items) : h("p", { class: "none" }, "None."));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
