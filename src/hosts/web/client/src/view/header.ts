// The bar at the top, and the words on how the connection stands.
//
// Invariant: what is done about a lost connection can be read here at any time, to the second.

import type { State } from "../model/state";
import type { EndReason, LinkState } from "../net/link";
import { h, iconButton, refill } from "./dom";
import { ICONS } from "./icons";

/** What the bar tells the page. */
export interface HeaderHearer {
  menu(): void;
  people(): void;
  editor(): void;
  settings(): void;
  leave(): void;
  /** Try now, without waiting. */
  retry(): void;
  /** Come back, though another client has the connection, or after a log-out. */
  comeBack(): void;
}

const ENDED: Readonly<Record<EndReason, string>> = {
  left: "You have left.",
  "logged-out": "You were logged out.",
  "taken-over": "You went on in another window.",
  refused: "The server did not understand this page, and closed the connection.",
};

/** The bar. */
export class Header {
  readonly #status = h("p", { class: "status" });
  readonly #room = h("span", { class: "room" });
  readonly #menu = iconButton("Conversations", ICONS.menu, () => this.hearer.menu(), { class: "quiet narrow", "aria-expanded": "false", "aria-controls": "conversations" });
  readonly #people = iconButton("Who is here", ICONS.people, () => this.hearer.people(), { class: "quiet narrow", "aria-expanded": "false", "aria-controls": "company" });
  readonly #editor = iconButton("Editor", ICONS.code, () => this.hearer.editor(), { "aria-expanded": "false" });
  readonly banner = h("div", { class: "banner", hidden: true });
  readonly element = h(
    "header",
    { class: "top" },
    this.#menu,
    h("h1", {}, "Moothall", this.#room),
    this.#status,
    this.#editor,
    this.#people,
    iconButton("Settings", ICONS.gear, () => this.hearer.settings()),
    iconButton("Log out", ICONS.leave, () => this.hearer.leave()),
  );
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly hearer: HeaderHearer) {}

  /** Shows what is. */
  show(now: State, before: State): void {
    this.#editor.hidden = now.me?.programmer !== true;
    const me = now.presence.people.find(({ id }) => id === now.me?.id);
    this.#room.textContent = me === undefined ? "" : me.room;
    const unread = now.conversations.reduce((sum, one) => sum + one.unread, 0);
    this.#menu.classList.toggle("news", unread > 0);
    if (now.link === before.link && now.holding === before.holding) return;
    this.#tell(now);
  }

  /** Whether what the buttons on narrow pages open is open. */
  opened(drawer: "conversations" | "company" | undefined): void {
    this.#menu.setAttribute("aria-expanded", String(drawer === "conversations"));
    this.#people.setAttribute("aria-expanded", String(drawer === "company"));
  }

  /** Whether the editor is open. */
  editing(open: boolean): void {
    this.#editor.setAttribute("aria-expanded", String(open));
  }

  #tell(now: State): void {
    clearInterval(this.#ticking);
    const { link } = now;
    this.#status.textContent = link.at === "open" && !now.holding ? "Connected" : "";
    const trouble = link.at !== "open" || now.holding;
    this.banner.hidden = !trouble;
    if (!trouble) return refill(this.banner);
    const words = h("span", {}, statusWords(link, Date.now()));
    refill(this.banner, words, this.#remedy(link));
    if (link.at !== "waiting") return;
    this.#ticking = setInterval(() => (words.textContent = statusWords(link, Date.now())), 500);
  }

  #remedy(link: LinkState): HTMLElement | null {
    if (link.at === "waiting") return h("button", { type: "button", onclick: () => this.hearer.retry() }, "Now");
    if (link.at !== "ended") return null;
    const words = link.why === "taken-over" ? "Go on here" : "Log in";
    return h("button", { type: "button", onclick: () => this.hearer.comeBack() }, words);
  }
}

/** How the connection stands, in words. */
export function statusWords(link: LinkState, now: number): string {
  switch (link.at) {
    case "idle":
    case "greeted":
      return "Not connected.";
    case "connecting":
      return link.attempt > 1 ? `Connecting again, attempt ${link.attempt} …` : "Connecting …";
    case "open":
      return "The world is away for a moment. What you send waits.";
    case "waiting":
      return `The connection is lost. Trying again in ${Math.max(1, Math.ceil((link.until - now) / 1_000))} s.`;
    case "ended":
      return ENDED[link.why];
  }
}
