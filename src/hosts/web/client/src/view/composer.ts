// Where one writes: a field that grows, with a history for each conversation.
//
// Invariant: what is in the field is never lost, whatever is asked, whichever conversation is looked at, and over a reload;
// the answer to a secret question is neither shown nor kept.

import { History, type Kept } from "../input/history";
import { type ConversationId, nameOf, type State } from "../model/state";
import { keep, recall } from "../settings";
import { h, icon, refill } from "./dom";
import { ICONS } from "./icons";

/** What the composer tells the page. */
export interface ComposerHearer {
  /** A line is to go to a conversation. */
  send(line: string, to: ConversationId): void;
  /** A question of the world is answered. */
  answer(request: string, value: string, secret: boolean): void;
  /** The log is to be turned. */
  page(direction: 1 | -1): void;
}

/** The field and what belongs to it. */
export class Composer {
  readonly #label = h("label", { for: "input", class: "target" });
  readonly #field = h("textarea", {
    id: "input", rows: 1, autocomplete: "off", autocapitalize: "off", spellcheck: "true", enterkeyhint: "send",
    "aria-describedby": "input-keys",
    onkeydown: (event: KeyboardEvent) => this.#key(event),
    oninput: () => this.#edited(),
  });
  readonly #secret = h("input", { type: "password", id: "secret", hidden: true, autocomplete: "off" });
  readonly #choices = h("div", { class: "choices", hidden: true });
  readonly element = h(
    "form",
    { class: "composer", "aria-label": "Write", onsubmit: (event: Event) => this.#submit(event) },
    this.#choices,
    h("div", { class: "writing" }, this.#label, this.#field, this.#secret,
      h("button", { type: "submit", class: "send", "aria-label": "Send", title: "Send (Enter)" }, icon(ICONS.send))),
    h("p", { id: "input-keys", class: "hidden" }, "Enter sends, Shift and Enter begins a new line, arrow up and down go through what you sent."),
  );
  readonly #histories = new Map<string, History>();
  #current: ConversationId = "world";
  #player = "";
  #question: State["question"] = null;

  constructor(private readonly hearer: ComposerHearer) {}

  /** Puts the cursor into the field. */
  focus(): void {
    (this.#secret.hidden ? this.#field : this.#secret).focus();
  }

  /** Puts a text into the field, at the end of what is there. */
  insert(text: string): void {
    this.#field.value += text;
    this.#edited();
    this.focus();
  }

  /** Shows what is. */
  show(now: State): void {
    this.#player = now.me?.id ?? "";
    const moved = this.#current !== now.current;
    this.#current = now.current;
    const asked = now.current === "world" ? now.question : null;
    const wasSecret = !this.#secret.hidden;
    const secret = asked?.secret === true || (now.current === "world" && !now.echo);
    this.#label.textContent = labelOf(now, secret);
    this.element.classList.toggle("unnamed", now.current === "world" && asked === null && !secret);
    this.#label.htmlFor = secret ? "secret" : "input";
    if (secret !== wasSecret) this.#conceal(secret);
    if (asked !== this.#question) this.#offer(asked?.choices ?? []);
    this.#question = asked;
    if (moved || this.#field.value !== this.#history.text) this.#fill();
  }

  get #history(): History {
    const key = `moothall.input.${this.#player}.${this.#current}`;
    let history = this.#histories.get(key);
    if (history === undefined) {
      history = new History(recall<Kept>(sessionStorage, key));
      this.#histories.set(key, history);
    }
    return history;
  }

  #conceal(secret: boolean): void {
    const focused = this.element.contains(document.activeElement);
    this.#secret.hidden = !secret;
    this.#field.hidden = secret;
    if (focused) this.focus();
  }

  #offer(choices: readonly string[]): void {
    this.#choices.hidden = choices.length === 0;
    refill(this.#choices, ...choices.map((choice) =>
      h("button", { type: "button", onclick: () => this.#answer(choice) }, choice)));
  }

  #fill(): void {
    this.#field.value = this.#history.text;
    this.#grow();
  }

  #edited(): void {
    this.#history.edit(this.#field.value);
    this.#grow();
    this.#keep();
  }

  #keep(): void {
    keep(sessionStorage, `moothall.input.${this.#player}.${this.#current}`, this.#history.kept());
  }

  /** As high as its text, within what the style sheet allows. */
  #grow(): void {
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  #submit(event: Event): void {
    event.preventDefault();
    if (!this.#secret.hidden) {
      const value = this.#secret.value;
      this.#secret.value = "";
      if (this.#question !== null) this.hearer.answer(this.#question.request, value, true);
      else this.hearer.answer("", value, true);
      return;
    }
    const text = this.#field.value;
    if (text.trim() === "" && this.#question === null) return;
    this.#history.send(text);
    this.#keep();
    this.#fill();
    if (this.#question !== null) this.hearer.answer(this.#question.request, text, false);
    else for (const line of text.split("\n")) this.hearer.send(line, this.#current);
    this.focus();
  }

  #answer(value: string): void {
    if (this.#question !== null) this.hearer.answer(this.#question.request, value, false);
    this.focus();
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) return this.#submit(event);
    if (event.key === "PageUp" || event.key === "PageDown") {
      event.preventDefault();
      return this.hearer.page(event.key === "PageUp" ? -1 : 1);
    }
    if (event.key === "Escape" && this.#history.looksBack) {
      while (this.#history.newer());
      return this.#fill();
    }
    if (event.key === "ArrowUp" || event.key === "ArrowDown") this.#look(event);
  }

  /** Up in the first line and down in the last one go through what was sent; with Alt, through what begins alike. */
  #look(event: KeyboardEvent): void {
    const up = event.key === "ArrowUp";
    const { value, selectionStart, selectionEnd } = this.#field;
    const beyond = up ? value.slice(0, selectionStart) : value.slice(selectionEnd);
    if (beyond.includes("\n") || event.shiftKey || event.ctrlKey || event.metaKey) return;
    const prefix = event.altKey ? value.slice(0, selectionStart) : "";
    event.preventDefault();
    if (!(up ? this.#history.older(prefix) : this.#history.newer(prefix))) return;
    this.#fill();
    const end = this.#field.value.length;
    const cursor = event.altKey ? Math.min(prefix.length, end) : end;
    this.#field.setSelectionRange(cursor, cursor);
    this.#keep();
  }
}

function labelOf(now: State, secret: boolean): string {
  const asked = now.current === "world" ? now.question : null;
  if (asked !== null && asked.prompt.trim() !== "") return asked.prompt.trim();
  if (secret) return "Not shown:";
  if (now.current === "world") return "You:";
  const name = now.conversations.find(({ id }) => id === now.current)?.name ?? nameOf(now.current);
  return now.current.startsWith("room:") ? `On ${name}:` : `To ${name}:`;
}
