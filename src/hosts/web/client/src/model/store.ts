// The one place where the state is kept, and who is told when it changes.
//
// Invariant: listeners are told after each change, in the order they came, with what was and what is.

import { type Action, EMPTY, reduce, type State } from "./state";

/** Somebody who is told of changes. */
export type Listener = (now: State, before: State, action: Action) => void;

/** The state and its listeners. */
export class Store {
  #state: State = EMPTY;
  readonly #listeners: Listener[] = [];

  get state(): State {
    return this.#state;
  }

  /** Something happened. */
  do(action: Action): void {
    const before = this.#state;
    this.#state = reduce(before, action);
    for (const listener of this.#listeners) listener(this.#state, before, action);
  }

  /** Tells of every change from now on. */
  listen(listener: Listener): void {
    this.#listeners.push(listener);
  }
}
