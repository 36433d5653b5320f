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
    const sent = this.#numbered(id, message);
    this.#waiting.push(sent);
    return sent;
  }

  /** A message was answered, also with a refusal. */
  answered(id: string): void {
    this.#waiting = this.#waiting.filter((sent) => sent.id !== id);
  }

  /**
   * The connection goes on, and its next number is this one: what waits is to be sent again. What has a lower number may
   * have been taken, and keeps it; the rest was not, and follows without a hole, whatever was refused in between.
   */
  resumed(next: number): readonly Sent[] {
    this.#next = next;
    this.#waiting = this.#waiting.map((sent) => (sent.n < next ? sent : this.#numbered(sent.id, sent.message)));
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

  #numbered(id: string, message: Fields): Sent {
    const n = this.#next++;
    return { id, n, message: { ...message, id, n } };
  }
}
