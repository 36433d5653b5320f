// One's own messages on their way: shown when they are sent, and so not shown again when the world gives them back.
//
// Invariant: a message that comes back hides one that was sent and no more; what never comes back is forgotten when its
// task has ended.

import type { ConversationId, News } from "./state";

/** A message on its way. */
export interface Echo {
  readonly conversation: ConversationId;
  readonly text: string;
  /** What the server calls it, once it is taken. */
  id?: string;
}

/** So many are remembered. */
const ECHOES_MAX = 64;

/** The messages on their way. */
export class Echoes {
  #all: Echo[] = [];

  /** A message is sent. */
  sent(conversation: ConversationId, text: string): Echo {
    const echo: Echo = { conversation, text: text.trim() };
    this.#all = [...this.#all, echo].slice(-ECHOES_MAX);
    return echo;
  }

  /** Whether this news is a message that was shown when it was sent; it is waited for no longer. */
  take(news: News): boolean {
    const found = this.#all.find(
      (echo) => news.own && echo.conversation === news.conversation && echo.text === news.body.text.trim(),
    );
    this.#all = this.#all.filter((echo) => echo !== found);
    return found !== undefined;
  }

  /** The task of a message has ended: it comes back no more. Answers whether it was one of these. */
  ended(id: string): boolean {
    const known = id !== "" && this.#all.some((echo) => echo.id === id);
    this.#all = this.#all.filter((echo) => echo.id !== id);
    return known;
  }

  /** A message was not taken. */
  dropped(echo: Echo): void {
    this.#all = this.#all.filter((one) => one !== echo);
  }
}
