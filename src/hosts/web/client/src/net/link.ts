// When to connect, and what to say about it: the browser's end of a connection that comes back by itself.
//
// Invariant: a pure machine. It is told what happened and answers what to do; at most one socket is being opened or open,
// and after `ended` none is opened until somebody asks.

/** How the connection stands, as a person is told it. */
export type LinkState =
  | { readonly at: "idle" }
  | { readonly at: "connecting"; readonly attempt: number }
  /** Connected as nobody: somebody is to log in. */
  | { readonly at: "greeted" }
  | { readonly at: "open" }
  | { readonly at: "waiting"; readonly until: number; readonly attempt: number }
  | { readonly at: "ended"; readonly why: EndReason };

/** Why no further attempt is made. */
export type EndReason = "left" | "logged-out" | "taken-over" | "refused";

/** What happened. `now` is in milliseconds; `chance` is a random number from 0 to 1. */
export type LinkInput =
  | { readonly on: "start" }
  | { readonly on: "greeted" }
  | { readonly on: "welcomed" }
  | { readonly on: "heard" }
  | { readonly on: "closed"; readonly code: number; readonly now: number; readonly chance: number }
  | { readonly on: "timer"; readonly now: number }
  | { readonly on: "reachable" }
  | { readonly on: "leave" };

/** What to do. A timer replaces the one before it; `null` is none. */
export type LinkOrder =
  | { readonly do: "dial" }
  | { readonly do: "hang-up" }
  | { readonly do: "ping" }
  | { readonly do: "timer"; readonly ms: number | null };

/** The first wait; each further one is twice as long, up to the longest. */
export const WAIT_MIN_MS = 500;
export const WAIT_MAX_MS = 20_000;
/** A socket that has not been welcomed for so long is given up. */
export const WELCOME_MS = 10_000;
/** After so long without a word the other side is asked whether it is there, and has as long again to answer. */
export const SILENCE_MS = 25_000;

/** Codes of a close after which coming back makes no sense (docs/json.md). */
const ENDS: Readonly<Record<number, EndReason>> = {
  1000: "logged-out",
  1003: "refused",
  1007: "refused",
  1009: "refused",
  4400: "refused",
  4401: "logged-out",
  4408: "logged-out",
  4409: "taken-over",
};

/** The host says itself that it goes; the next one is there at once. */
const GOING_AWAY = [1001, 1012];

/** The machine. */
export class Link {
  #state: LinkState = { at: "idle" };
  /** Whether the other side was asked if it is there, and has not said a word since. */
  #asked = false;

  get state(): LinkState {
    return this.#state;
  }

  /** Takes in what happened. */
  on(input: LinkInput): LinkOrder[] {
    switch (input.on) {
      case "start":
        return ["open", "connecting", "greeted"].includes(this.#state.at) ? [] : this.#dial(1);
      case "greeted":
        this.#state = { at: "greeted" };
        return [{ do: "timer", ms: null }];
      case "welcomed":
        this.#state = { at: "open" };
        return this.#listened();
      case "heard":
        return this.#state.at === "open" ? this.#listened() : [];
      case "closed":
        return this.#closed(input.code, input.now, input.chance);
      case "timer":
        return this.#timer();
      case "reachable":
        return this.#reachable();
      case "leave":
        this.#state = { at: "ended", why: "left" };
        return [{ do: "hang-up" }];
    }
  }

  #dial(attempt: number): LinkOrder[] {
    this.#state = { at: "connecting", attempt };
    return [{ do: "dial" }, { do: "timer", ms: WELCOME_MS }];
  }

  #listened(): LinkOrder[] {
    this.#asked = false;
    return [{ do: "timer", ms: SILENCE_MS }];
  }

  #closed(code: number, now: number, chance: number): LinkOrder[] {
    if (["idle", "ended", "waiting"].includes(this.#state.at)) return [];
    if (this.#state.at === "greeted") {
      this.#state = { at: "idle" };
      return [];
    }
    const why = ENDS[code];
    if (why !== undefined) {
      this.#state = { at: "ended", why };
      return [];
    }
    const attempt = this.#state.at === "connecting" ? this.#state.attempt + 1 : 1;
    const ms = Math.round(waitFor(attempt, code) * (0.5 + chance / 2));
    this.#state = { at: "waiting", until: now + ms, attempt };
    return [{ do: "timer", ms }];
  }

  #timer(): LinkOrder[] {
    switch (this.#state.at) {
      case "waiting":
        return this.#dial(this.#state.attempt);
      case "connecting":
        return [{ do: "hang-up" }];
      case "open":
        if (this.#asked) return [{ do: "hang-up" }];
        this.#asked = true;
        return [{ do: "ping" }, { do: "timer", ms: SILENCE_MS }];
      default:
        return [];
    }
  }

  /** The network is back, or the page is looked at again: no use in waiting, or in trusting a socket that slept. */
  #reachable(): LinkOrder[] {
    if (this.#state.at === "waiting") return this.#dial(this.#state.attempt);
    if (this.#state.at !== "open") return [];
    this.#asked = true;
    return [{ do: "ping" }, { do: "timer", ms: SILENCE_MS / 5 }];
  }
}

function waitFor(attempt: number, code: number): number {
  if (attempt === 1 && GOING_AWAY.includes(code)) return WAIT_MIN_MS / 2;
  return Math.min(WAIT_MAX_MS, WAIT_MIN_MS * 2 ** (attempt - 1));
}
