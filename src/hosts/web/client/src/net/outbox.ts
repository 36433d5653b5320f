// The messages that may change something, numbered, and kept until they are answered.
//
// Invariant: numbers rise by one without a hole; a message keeps its number however often it is sent, so that the server
// takes it once.

import type { Fields } from "./json";

/** A message on its way. */
export interface Sent {
  readonly id: string;
  readonly n: number;
  readonly message: Fields;
}

/** So many may wait for their answer; the server keeps as many while the world is away. */
export const WAITING_MAX = 64;

/** The messages that are not answered yet. */
export class Outbox {
  #next = 1;
  #waiting: Sent[] = [];

  /** Those that wait, in the order of their numbers. */
  get waiting(): readonly Sent[] {
    return this.#waiting;
  }

  /** Takes a message in and gives it its number; nothing if too many wait. */
  put(id: string, message: Fields): Sent | undefined {
    if (this.#waiting.length >= WAITING_MAX) return undefined;
    const n = this.#next++;
    const sent = { id, n, message: { ...message, id, n } };
    this.#waiting.push(sent);
    return sent;
  }

  /** A message was answered, also with a refusal. */
  answered(id: string): void {
    this.#waiting = this.#waiting.filter((sent) => sent.id !== id);
  }

  /** The connection goes on: what waits is to be sent again, under its numbers. */
  resumed(next: number): readonly Sent[] {
    this.#next = Math.max(next, (this.#waiting.at(-1)?.n ?? 0) + 1);
    return this.#waiting;
  }

  /**
   * Another connection begins, with numbers of its own. What was never sent is given new ones; the rest may have taken
   * effect or not, which nobody can tell any more: it is answered here, and not sent again.
   */
  begun(next: number, everSent: (sent: Sent) => boolean): { readonly lost: readonly Sent[]; readonly send: readonly Sent[] } {
    const lost = this.#waiting.filter(everSent);
    const fresh = this.#waiting.filter((sent) => !everSent(sent));
    this.#next = next;
    this.#waiting = [];
    const send = fresh.flatMap(({ id, message }) => this.put(id, message) ?? []);
    return { lost, send };
  }
}
