// Who is there: in the same room, and elsewhere; and what the world presents beside its words.
//
// Invariant: shows the last answer to `Presence` and the presentations that are shown now, and nothing of its own.

import type { Present, Shown, State } from "../model/state";
import { safeContent } from "../text/html";
import { nodesOf } from "../text/rich";
import { h, iconButton, refill } from "./dom";
import { ICONS } from "./icons";

/** What it tells the page. */
export interface CompanyHearer {
  /** Somebody is to be talked to. */
  talkTo(person: Present): void;
  /** A presentation is not wanted any more. */
  dismiss(id: string): void;
}

/** The list of people, and the world's presentations. */
export class Company {
  readonly #lists = h("div", {});
  readonly element = h("aside", { class: "side", id: "company", "aria-label": "Who is here" }, this.#lists);

  constructor(private readonly hearer: CompanyHearer) {}

  /** Shows what is. */
  show(now: State, before: State): void {
    if (now.presence === before.presence && now.shown === before.shown && now.me === before.me) return;
    const others = now.presence.people.filter(({ id }) => id !== now.me?.id);
    const me = now.presence.people.find(({ id }) => id === now.me?.id);
    const focused = this.#lists.contains(document.activeElement) ? document.activeElement?.getAttribute("data-id") : null;
    refill(
      this.#lists,
      ...[...now.shown.values()].map((shown) => this.#presentation(shown)),
      this.#people(me !== undefined && me.room !== "" ? `Here: ${me.room}` : "Here", others.filter(({ here }) => here), "Nobody else."),
      this.#people("Elsewhere", others.filter(({ here }) => !here), ""),
    );
    if (focused !== null) this.#lists.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused ?? "")}"]`)?.focus();
  }

  #people(title: string, people: readonly Present[], none: string): HTMLElement | null {
    if (people.length === 0 && none === "") return null;
    const items = people.map((person) => h("li", {}, this.#person(person)));
    return h("section", {}, h("h2", {}, title), people.length > 0 ? h("ul", {}, ...items) : h("p", { class: "none" }, none));
  }

  #person(person: Present): HTMLElement {
    const idle = idleWords(person.idleSeconds);
    return h("button", { type: "button", "data-id": person.id, title: `Write to ${person.name}`, onclick: () => this.hearer.talkTo(person) },
      h("span", { class: "name" }, person.name),
      h("span", { class: "detail" }, [person.here ? "" : person.room, idle].filter(Boolean).join(", ")));
  }

  #presentation(shown: Shown): HTMLElement {
    const content = shown.isHtml
      ? h("div", { class: "rich" }, safeContent(shown.text))
      : h("div", { class: "plain" }, ...nodesOf(shown.text));
    const close = iconButton(`Close ${shown.title}`, ICONS.close, () => this.hearer.dismiss(shown.id));
    return h("section", { class: "presentation" }, h("div", { class: "bar" }, h("h2", {}, shown.title), close), content);
  }
}

/** How long somebody has not done anything, if that is worth a word. */
export function idleWords(seconds: number): string {
  if (seconds < 120) return "";
  if (seconds < 3_600) return `idle ${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `idle ${Math.floor(seconds / 3_600)} h` : `idle ${Math.floor(seconds / 86_400)} d`;
}
