// The view of somebody who is logged in: the bar, the conversations, the log with its field, who is there, the editor.
//
// Invariant: at most one thing covers the log on a narrow page; Escape closes it, and the focus goes back to the field.

import type { ConversationId, State } from "../model/state";
import type { Fields } from "../net/json";
import { applySettings, type Settings } from "../settings";
import { Company } from "./company";
import { Composer } from "./composer";
import { Conversations } from "./conversations";
import { SettingsDialog } from "./dialogs";
import { h } from "./dom";
import type { EditorPanel } from "./editor";
import { GamePanel } from "./game";
import { Header } from "./header";
import { LogView } from "./log";

/** What the world's view tells the page. */
export interface WorldHearer {
  send(line: string, to: ConversationId): void;
  answer(request: string, value: string, secret: boolean): void;
  look(at: ConversationId, name?: string): void;
  close(id: ConversationId): void;
  attend(attending: boolean): void;
  play(game: string, payload: Fields): void;
  closeGame(): void;
  wantPast(): void;
  ask(message: Fields): Promise<Fields>;
  announce(text: string): void;
  retry(): void;
  comeBack(): void;
  leave(): void;
  settings(settings: Settings): void;
}

type Drawer = "conversations" | "company";

/** The view. */
export class World {
  readonly #log: LogView;
  readonly #composer: Composer;
  readonly #conversations: Conversations;
  readonly #company: Company;
  readonly #game: GamePanel;
  readonly #header: Header;
  readonly #settings: SettingsDialog;
  readonly element: HTMLElement;
  #drawer: Drawer | undefined;
  /** Fetched when it is first wanted: it is far larger than all the rest. */
  #editor: Promise<EditorPanel> | undefined;
  #editing = false;
  #atEnd = true;
  #away = false;

  constructor(
    settings: Settings,
    private readonly hearer: WorldHearer,
  ) {
    this.#log = new LogView({ attend: (atEnd) => this.#attend(atEnd, this.#away), wantPast: () => hearer.wantPast() });
    this.#composer = new Composer({ send: hearer.send, answer: hearer.answer, page: (direction) => this.#log.page(direction) });
    this.#conversations = new Conversations({
      look: (at, name) => this.#look(at, name),
      close: (id) => hearer.close(id),
      join: ({ name }) => hearer.send(`@join ${name}`, "world"),
    });
    this.#company = new Company({
      talkTo: ({ name }) => this.#look(`user:${name.toLowerCase()}`, name),
      dismiss: (id) => void hearer.ask({ type: "Dismiss", presentation: id }).catch((error: Error) => hearer.announce(error.message)),
    });
    this.#settings = new SettingsDialog({
      sessions: () => hearer.ask({ type: "Sessions" }),
      logoutEverywhere: () => void hearer.ask({ type: "LogoutEverywhere" }).catch(() => undefined),
      changed: (changed) => this.#choose(changed),
    }, settings);
    this.#game = new GamePanel({ act: (game, payload) => hearer.play(game, payload), close: () => hearer.closeGame() });
    this.#header = this.#bar();
    applySettings(settings);
    const main = h("main", { class: "main" }, this.#log.element, this.#game.element, this.#header.banner, this.#composer.element);
    this.element = h("div", { class: "world", onkeydown: (event: KeyboardEvent) => this.#key(event) },
      h("a", { class: "skip", href: "#input", onclick: (event: Event) => this.#skip(event) }, "To the field where you write"), this.#header.element, this.#conversations.element, main, this.#company.element, this.#settings.element);
    this.element.addEventListener("click", (event) => this.#clicked(event));
  }

  /** Shows what is. */
  show(now: State, before: State): void {
    this.#header.show(now, before);
    this.#conversations.show(now, before);
    this.#company.show(now, before);
    this.#game.show(now, before);
    this.#log.show(now, before);
    this.#composer.show(now);
  }

  /** Where one writes. */
  focus(): void {
    this.#composer.focus();
  }

  /** Opens the editor with a verb or a property. */
  async edit(subject: string): Promise<void> {
    const editor = await this.#edit(true);
    await editor.seek(subject);
  }

  /** The person looks at another page, or is back. */
  away(away: boolean): void {
    this.#attend(this.#atEnd, away);
  }

  #bar(): Header {
    return new Header({
      menu: () => this.#slide(this.#drawer === "conversations" ? undefined : "conversations"),
      people: () => this.#slide(this.#drawer === "company" ? undefined : "company"),
      editor: () => void this.#edit(!this.#editing),
      settings: () => this.#settings.open(),
      leave: () => this.hearer.leave(),
      retry: () => this.hearer.retry(),
      comeBack: () => this.hearer.comeBack(),
    });
  }

  /** To the field by focus alone, so that the address stays as it is. */
  #skip(event: Event): void {
    event.preventDefault();
    this.focus();
  }

  #attend(atEnd: boolean, away: boolean): void {
    this.#atEnd = atEnd;
    this.#away = away;
    this.hearer.attend(atEnd && !away);
  }

  #look(at: ConversationId, name?: string): void {
    this.hearer.look(at, name);
    this.#slide(undefined);
    this.focus();
  }

  #slide(drawer: Drawer | undefined): void {
    this.#drawer = drawer;
    this.#conversations.element.classList.toggle("open", drawer === "conversations");
    this.#company.element.classList.toggle("open", drawer === "company");
    this.#header.opened(drawer);
    const panels = { conversations: this.#conversations.element, company: this.#company.element };
    if (drawer !== undefined) panels[drawer].querySelector<HTMLElement>("button")?.focus();
  }

  async #edit(open: boolean): Promise<EditorPanel> {
    this.#editing = open;
    this.#editor ??= this.#fetchEditor();
    const editor = await this.#editor;
    editor.element.hidden = !this.#editing;
    this.element.classList.toggle("editing", this.#editing);
    this.#header.editing(this.#editing);
    if (this.#editing) editor.focus();
    else this.focus();
    return editor;
  }

  async #fetchEditor(): Promise<EditorPanel> {
    const { EditorPanel } = await import("./editor");
    const editor = new EditorPanel({ ask: this.hearer.ask, announce: this.hearer.announce, close: () => void this.#edit(false) });
    this.element.append(editor.element);
    return editor;
  }

  #choose(settings: Settings): void {
    this.hearer.settings(settings);
    if (settings.notifications && typeof Notification !== "undefined" && Notification.permission === "default") {
      void Notification.requestPermission();
    }
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Escape" && !event.defaultPrevented && !isWithin(event.target, "dialog, .editor")) {
      this.#slide(undefined);
      return this.focus();
    }
    const place = event.altKey && !event.ctrlKey && /^Digit[1-9]$/.test(event.code) ? Number(event.code.at(-1)) : 0;
    const items = this.#conversations.element.querySelectorAll<HTMLElement>("button[data-id]");
    const item = items[place - 1];
    if (item !== undefined) {
      event.preventDefault();
      return item.click();
    }
    const typing = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (typing && isWithin(event.target, ".scroll")) this.focus();
  }

  /** A click beside an open drawer closes it. */
  #clicked(event: Event): void {
    if (this.#drawer === undefined || isWithin(event.target, "nav, aside, header")) return;
    this.#slide(undefined);
  }
}

function isWithin(target: EventTarget | null, selector: string): boolean {
  return target instanceof Element && target.closest(selector) !== null;
}
