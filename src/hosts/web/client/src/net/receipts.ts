// When to tell the server how far the stream was taken in.
//
// Invariant: after 64 events or 32 KiB at once, and otherwise within a second of the first that is not acknowledged;
// a place is acknowledged once.

import { isAfter, type Place } from "./place";

export const EVENTS_MAX = 64;
export const CHARACTERS_MAX = 32 * 1024;
/** So long an acknowledgement may wait for further events. */
export const DELAY_MS = 1_000;

/** How far the stream was taken in. */
export class Receipts {
  #last: Place | undefined;
  #owed = 0;
  #characters = 0;

  /** The last event that was taken in. */
  get last(): Place | undefined {
    return this.#last;
  }

  /** The stream is known up to here. */
  startAt(place: Place | undefined): void {
    this.#last = place;
    this.#owed = 0;
    this.#characters = 0;
  }

  /** An event came. Answers whether it is new; what came before does not come again. */
  take(place: Place, characters: number): boolean {
    if (this.#last !== undefined && !isAfter(place, this.#last)) return false;
    this.#last = place;
    this.#owed++;
    this.#characters += characters;
    return true;
  }

  /** Whether an acknowledgement is owed at once, soon, or not at all. */
  get due(): "now" | "soon" | "no" {
    if (this.#owed === 0) return "no";
    return this.#owed >= EVENTS_MAX || this.#characters >= CHARACTERS_MAX ? "now" : "soon";
  }

  /** The place to acknowledge, which then is. */
  acknowledge(): Place | undefined {
    this.#owed = 0;
    this.#characters = 0;
    return this.#last;
  }
}
