// The log: entries down the page, the newest at the end.
//
// Invariant: the elements are those entries of the state that stand in the current conversation, in their order. Whoever
// is at the end stays there; whoever reads further up is not moved by what is added or taken away.

import { type ConversationId, type Entry, nameOf, type State, standsIn } from "../model/state";
import { safeContent } from "../text/html";
import { isAligned, nodesOf } from "../text/rich";
import { h } from "./dom";

/** Nearer to the end than so many pixels counts as being there. */
const END_PX = 48;
/** Nearer to the beginning than so many pixels, the time before is asked for. */
const BEGINNING_PX = 240;
/** After so long without a word, an entry says what time it is. */
const PAUSE_MS = 10 * 60_000;

/** What the log tells the page. */
export interface LogHearer {
  attend(attending: boolean): void;
  wantPast(): void;
}

/** What conversations are called. */
type Names = (id: ConversationId) => string;

/** The log. */
export class LogView {
  readonly #entries = h("div", { class: "entries" });
  readonly #past = h("p", { class: "past" });
  readonly #newer = h("button", { type: "button", class: "newer", hidden: true, onclick: () => this.toEnd() }, "Newer");
  readonly #scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Log" }, this.#past, this.#entries);
  readonly element = h("section", { class: "log", id: "log" }, this.#scroll, this.#newer);
  #shown: readonly Entry[] = [];
  #attending = true;
  #names: Names = nameOf;

  constructor(private readonly hearer: LogHearer) {
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#attending && this.toEnd()).observe(this.#scroll);
  }

  /** Where the focus goes to read. */
  focus(): void {
    this.#scroll.focus();
  }

  /** Turns pages from afar. */
  page(direction: 1 | -1): void {
    this.#scroll.scrollBy({ top: direction * this.#scroll.clientHeight * 0.85 });
  }

  /** Goes to the newest entry. */
  toEnd(): void {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#attend(true);
  }

  /** Shows what is. */
  show(now: State, before: State): void {
    this.#names = (id) => now.conversations.find((one) => one.id === id)?.name ?? nameOf(id);
    if (now.entries !== before.entries || now.current !== before.current) {
      if (now.current !== before.current) this.#clear();
      this.#entries.classList.toggle("all", now.current === "world");
      this.#take(now.entries.filter((entry) => standsIn(entry, now.current)));
    }
    this.#past.textContent = { more: "", loading: "Fetching what was before …", begun: "This is how it began." }[now.past];
    const unread = now.conversations.find(({ id }) => id === now.current)?.unread ?? 0;
    this.#newer.textContent = unread > 0 ? `${unread} new` : "To the end";
    this.#newer.hidden = this.#attending;
  }

  #clear(): void {
    this.#entries.replaceChildren();
    this.#shown = [];
    this.#attend(true);
  }

  #take(entries: readonly Entry[]): void {
    const bottom = this.#scroll.scrollHeight - this.#scroll.scrollTop;
    const first = this.#shown[0]?.key ?? Infinity;
    const last = this.#shown.at(-1)?.key ?? -Infinity;
    const oldest = entries[0]?.key ?? Infinity;
    const gone = this.#shown.filter(({ key }) => key < oldest).length;
    for (let i = 0; i < gone; i++) this.#entries.firstElementChild?.remove();
    const known = this.#shown.length > gone;
    const older = known ? entries.filter(({ key }) => key < first) : [];
    const newer = known ? entries.filter(({ key }) => key > last) : entries;
    this.#entries.prepend(...this.#elementsOf(older, undefined));
    this.#entries.append(...this.#elementsOf(newer, known ? this.#shown.at(-1) : undefined));
    this.#shown = entries;
    if (this.#attending) this.toEnd();
    else if (older.length > 0) this.#scroll.scrollTop = this.#scroll.scrollHeight - bottom;
    if (older.length > 0 || this.#scroll.scrollHeight <= this.#scroll.clientHeight) this.#scrolled();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    this.#attend(scrollHeight - scrollTop - clientHeight < END_PX);
    if (scrollTop < BEGINNING_PX) this.hearer.wantPast();
  }

  #elementsOf(entries: readonly Entry[], before: Entry | undefined): HTMLElement[] {
    return entries.map((entry, i) => elementOf(entry, entries[i - 1] ?? before, this.#names));
  }

  #attend(attending: boolean): void {
    if (attending === this.#attending) return;
    this.#attending = attending;
    this.hearer.attend(attending);
  }
}

function elementOf(entry: Entry, before: Entry | undefined, names: Names): HTMLElement {
  const { body } = entry;
  const element = h("div", { class: `entry ${body.kind}${entry.own ? " own" : ""}` });
  if (entry.at > 0 && (before === undefined || entry.at - before.at > PAUSE_MS)) element.append(timeOf(entry.at));
  switch (body.kind) {
    case "text":
      element.append(textOf(body.text));
      break;
    case "rich":
      element.append(h("div", { class: "rich" }, safeContent(body.text)));
      break;
    case "said":
      element.append(h("p", {}, placeOf(entry, names), h("b", {}, body.from.name), " ", ...nodesOf(body.text)));
      break;
    case "typed":
      element.append(h("p", {}, h("span", { class: "hidden" }, "You typed: "), body.text));
      break;
    case "notice":
      element.classList.add(body.tone);
      element.append(h("p", {}, body.text));
      break;
  }
  return element;
}

function textOf(text: string): HTMLElement {
  return h("p", { class: isAligned(text) ? "aligned" : null }, ...nodesOf(text));
}

/** Where something was said, if not in the room around. */
function placeOf(entry: Entry, names: Names): HTMLElement {
  const { conversation: id } = entry;
  if (id.startsWith("user:")) return h("span", { class: "place" }, entry.own ? `to ${names(id)}` : "to you");
  return h("span", { class: "place" }, id === "global" ? "everybody" : names(id));
}

function timeOf(at: number): HTMLElement {
  const date = new Date(at);
  const sameDay = date.toDateString() === new Date().toDateString();
  const words = date.toLocaleString(undefined, {
    ...(sameDay ? {} : { weekday: "short", day: "numeric", month: "short" }),
    hour: "2-digit",
    minute: "2-digit",
  });
  return h("time", { datetime: date.toISOString() }, words);
}
