// The page's one live region: what it says, a screen reader reads out when it is free.
//
// Invariant: there is no other live region on the page. Words that come close together are said as one.

import { announcementOf } from "../model/announcement";
import type { Entry } from "../model/state";
import { h, refill } from "./dom";

/** So long further news is waited for. */
const GATHER_MS = 250;

/** The region. */
export class Announcer {
  readonly element = h("div", { class: "hidden", role: "status", "aria-live": "polite", "aria-atomic": "false" });
  #waiting: Entry[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Reads these entries out, but for one's own. */
  tell(entries: readonly Entry[]): void {
    this.#waiting.push(...entries);
    this.#timer ??= setTimeout(() => this.#speak(), GATHER_MS);
  }

  /** Says something of the page's own, at once. */
  say(text: string): void {
    refill(this.element, h("p", {}, text));
  }

  #speak(): void {
    this.#timer = undefined;
    const text = announcementOf(this.#waiting);
    this.#waiting = [];
    if (text !== "") refill(this.element, ...text.split("\n").map((line) => h("p", {}, line)));
  }
}
