// The page put together: what happens in the state, the views that show it, and the connection behind it.
//
// Invariant: views never speak to the socket and the socket never to a view; both go through here and the store.

import { Echoes } from "./model/echoes";
import type { Entrance } from "./model/entrance";
import { noticeOf } from "./model/notice";
import { actionsOf, meOf, newsOf, pastOf, presenceOf, shownOf } from "./model/reading";
import { type ConversationId, type Entry, type News, type Shown, type State, unreadIn } from "./model/state";
import { Store } from "./model/store";
import { type Fields, objectsIn, textIn } from "./net/json";
import type { LinkState } from "./net/link";
import type { Place } from "./net/place";
import { type Hearer, Refusal, Session, type Ticket } from "./net/session";
import { keep, loadSettings, recall } from "./settings";
import { plainText } from "./text/ansi";
import { Announcer } from "./view/announcer";
import { h } from "./view/dom";
import { Login } from "./view/login";
import { World } from "./view/world";

const TICKET_KEY = "moothall.ticket";
/** So many entries of the past are fetched at once. */
const PAST_LIMIT = 60;
/** Who is there is asked again after so long, while the page is looked at. */
const PRESENCE_MS = 20_000;
/** And so long after the world said something, which may have been somebody coming. */
const PRESENCE_SOON_MS = 1_000;

/** The page. */
export class App implements Hearer {
  readonly #store = new Store();
  readonly #session: Session;
  readonly #echoes = new Echoes();
  readonly #announcer = new Announcer();
  readonly #login = new Login((entrance) => this.#enter(entrance), (text) => this.#announcer.say(text));
  readonly #world: World;
  readonly #stage = h("div", { class: "stage" });
  #settings = loadSettings();
  #greeting = "";
  /** The past ends here, if nothing of it is shown yet. */
  #first: Place | undefined;
  #presenceTimer: ReturnType<typeof setTimeout> | undefined;
  #lost = false;
  #entering: { resolve: () => void; reject: (reason: Error) => void } | undefined;

  constructor(address: string) {
    this.#session = new Session(address, this);
    this.#world = new World(this.#settings, {
      send: (line, to) => this.#send(line, to),
      answer: (request, value, secret) => this.#answer(request, value, secret),
      look: (at, name) => this.#store.do(name === undefined ? { type: "look", at } : { type: "look", at, name }),
      close: (conversation) => this.#store.do({ type: "close", conversation }),
      attend: (attending) => this.#store.do({ type: "attend", attending }),
      play: (game, payload) => this.#play(game, payload),
      closeGame: () => this.#store.do({ type: "game", game: null }),
      wantPast: () => void this.#fetchPast(),
      ask: (message) => this.#session.ask(message),
      announce: (text) => this.#announcer.say(text),
      retry: () => this.#session.reachable(),
      comeBack: () => this.#comeBack(),
      leave: () => void this.#leave(),
      settings: (settings) => (this.#settings = settings),
    });
    this.#store.listen((now, before) => this.#changed(now, before));
  }

  /** Fills the page and finds the way in: back to where this tab was, or to the door. */
  start(body: HTMLElement): void {
    body.append(this.#stage, this.#announcer.element);
    window.visualViewport?.addEventListener("resize", () => this.#fit());
    window.addEventListener("online", () => this.#session.reachable());
    document.addEventListener("visibilitychange", () => this.#looked());
    window.addEventListener("pagehide", () => this.#keepTicket());
    const ticket = recall<Ticket>(sessionStorage, TICKET_KEY);
    if (ticket !== undefined && ticket.session !== "") this.#session.resume(ticket);
    else this.#atTheDoor("");
  }

  link(link: LinkState): void {
    const { link: before } = this.#store.state;
    this.#store.do({ type: "link", link });
    if (before.at === "open" && link.at === "waiting") {
      this.#lost = true;
      this.#note("The connection is lost. It is being made again.", "warning");
    }
    if (link.at === "ended" && this.#store.state.me !== null) keep(sessionStorage, TICKET_KEY, undefined);
    if (link.at === "waiting") this.#entering?.reject(new Error("The server cannot be reached right now; trying again."));
  }

  welcomed(welcome: Fields, anew: boolean, first: Place | undefined): void {
    const before = this.#store.state.me;
    const me = meOf(welcome, before);
    if (before !== null && before.id !== me.id) this.#store.do({ type: "logged-out" });
    this.#store.do({ type: "logged-in", me });
    this.#keepTicket();
    this.#show(this.#world.element);
    this.#entering?.resolve();
    this.#entering = undefined;
    if (before === null) {
      this.#world.focus();
      this.#first = first;
      void this.#fetchPast();
    } else if (this.#lost) {
      const missed = anew ? "The connection is a new one; what was said meanwhile may be missing." : "Connected again.";
      this.#note(welcome["recovered"] === true ? "Connected again; nothing was missed." : missed, "quiet");
    }
    this.#lost = false;
    this.#askPresence();
    void this.#askPresentations();
    // So that the world need not offer a line editor.
    this.#session.ask({ type: "Attribute", key: "editor", value: 1 }).catch(() => undefined);
  }

  event(event: Fields): void {
    const { me } = this.#store.state;
    if (textIn(event, "type") === "Player") this.#store.do({ type: "logged-in", me: meOf(event, me) });
    if (me === null) return this.#hearGreeting(event);
    if (textIn(event, "type") === "ForceInput") return this.#send(textIn(event, "line"), "world");
    if (textIn(event, "type") === "Done") return this.#ended(event);
    for (const action of actionsOf(event, me, Date.now())) {
      if (action.type === "show" && action.shown.target === "editor") return this.#edit(action.shown);
      const known = action.type === "news" && action.news.every((news) => this.#echoes.take(news));
      if (!known) this.#store.do(action);
    }
    if (textIn(event, "type") === "Narrative") this.#askPresenceSoon();
  }

  doubtful(messages: readonly Fields[]): void {
    const lines = messages.map((message) => textIn(message, "line") || textIn(message, "message")).filter(Boolean);
    if (lines.length > 0) this.#note(`Nobody can tell whether this took effect: ${lines.join("; ")}`, "warning");
  }

  refused(reason: string, words: readonly Fields[]): void {
    keep(sessionStorage, TICKET_KEY, undefined);
    const said = words.flatMap((event) => newsOf(event, null, 0)).map(({ body }) => plainText(body.text).trim());
    const explained = said.join("\n") || reason;
    if (this.#entering !== undefined) this.#entering.reject(new Error(explained));
    else this.#atTheDoor(this.#store.state.me === null ? "" : explained);
    this.#entering = undefined;
    this.#store.do({ type: "logged-out" });
  }

  #atTheDoor(reason: string): void {
    this.#show(this.#login.element);
    this.#login.explain(reason);
    this.#login.focus();
    this.#session.greet();
  }

  #enter(entrance: Entrance): Promise<void> {
    const { by, ...rest } = entrance;
    const type = { login: "Login", create: "Create", guest: "Guest" }[by];
    return new Promise((resolve, reject) => {
      this.#entering = { resolve, reject };
      this.#session.login({ type, ...rest });
    });
  }

  #hearGreeting(event: Fields): void {
    for (const action of actionsOf(event, null, Date.now())) {
      if (action.type === "news") this.#greeting += action.news.map(({ body }) => `${body.text}\n`).join("");
    }
    this.#login.greet(this.#greeting);
  }

  /** The world asks the player to edit something, once. */
  #edit(shown: Shown): void {
    void this.#world.edit(shown.text);
    this.#session.ask({ type: "Dismiss", presentation: shown.id }).catch(() => undefined);
  }

  /** A task has ended. Of a command the world has said what there is to say; of a message only this says why it failed. */
  #ended(done: Fields): void {
    const id = textIn(done, "id");
    if (this.#echoes.ended(id) && done["ok"] === false) {
      this.#note(`Not delivered: ${textIn(done, "message")}`, "warning");
    }
  }

  #send(line: string, to: ConversationId): void {
    const { me } = this.#store.state;
    if (me === null) return;
    if (to === "world") {
      this.#log({ body: { kind: "typed", text: line }, conversation: "world", at: Date.now(), own: true });
      return this.#sendOff({ type: "Command", line }, line);
    }
    this.#log({ body: { kind: "said", from: me, text: line }, conversation: to, at: Date.now(), own: true });
    const echo = this.#echoes.sent(to, line);
    const message = messageFor(to, me.name, line);
    this.#session.ask(message).then(
      (taken) => (echo.id = textIn(taken, "id")),
      (error: unknown) => {
        this.#echoes.dropped(echo);
        this.#notTaken(line, error);
      },
    );
  }

  #play(game: string, payload: Fields): void {
    const from = { type: "User", id: this.#store.state.me?.name ?? "" };
    this.#sendOff({ type: "GameAction", game, from, payload }, "your move");
  }

  #answer(request: string, value: string, secret: boolean): void {
    if (!secret) this.#log({ body: { kind: "typed", text: value }, conversation: "world", at: Date.now(), own: true });
    this.#store.do({ type: "answered" });
    const shown = secret ? "what you wrote" : value;
    this.#sendOff(request === "" ? { type: "Command", line: value } : { type: "Input", request, value }, shown);
  }

  #sendOff(message: Fields, shown: string): void {
    this.#session.ask(message).catch((error: unknown) => this.#notTaken(shown, error));
  }

  /** What nobody can tell of was said by `doubtful` already. */
  #notTaken(shown: string, error: unknown): void {
    if (error instanceof Refusal && error.code === "LOST") return;
    this.#note(`Not taken: ${shown} (${error instanceof Error ? error.message : String(error)})`, "warning");
  }

  async #fetchPast(): Promise<void> {
    const { past, me, entries } = this.#store.state;
    const before = entries.find(({ place }) => place !== undefined)?.place ?? this.#first;
    if (me === null || past !== "more" || before === undefined) return;
    this.#store.do({ type: "past-asked" });
    try {
      const answer = await this.#session.ask({ type: "History", limit: PAST_LIMIT, before });
      this.#store.do({ type: "past", news: pastOf(answer, me), begun: answer["more_before"] !== true });
    } catch {
      this.#store.do({ type: "past", news: [], begun: false });
    }
  }

  #askPresence(): void {
    clearTimeout(this.#presenceTimer);
    this.#presenceTimer = setTimeout(() => this.#askPresence(), PRESENCE_MS);
    if (document.hidden || this.#store.state.link.at !== "open") return;
    this.#session.ask({ type: "Presence" }).then(
      (answer) => this.#store.do({ type: "presence", presence: presenceOf(answer) }),
      () => undefined,
    );
  }

  #askPresenceSoon(): void {
    clearTimeout(this.#presenceTimer);
    this.#presenceTimer = setTimeout(() => this.#askPresence(), PRESENCE_SOON_MS);
  }

  async #askPresentations(): Promise<void> {
    const answer = await this.#session.ask({ type: "Presentations" }).catch(() => undefined);
    if (answer === undefined) return;
    const shown = objectsIn(answer, "presentations").map(shownOf);
    this.#store.do({ type: "shown-anew", shown: shown.filter(({ target }) => target !== "editor") });
  }

  #changed(now: State, before: State): void {
    const fresh = freshIn(now, before);
    this.#world.show(now, before);
    if (now.me !== null) this.#announcer.tell(fresh);
    const unread = unreadIn(now);
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${now.me === null ? "" : `${now.me.name} · `}Moothall`;
    if (this.#settings.notifications) this.#notify(fresh, now);
  }

  #notify(fresh: readonly Entry[], now: State): void {
    if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
    for (const entry of fresh) {
      const notice = noticeOf(entry, now, !document.hidden);
      if (notice === undefined) continue;
      const shown = new Notification(notice.title, { body: notice.text, tag: notice.tag });
      shown.onclick = () => {
        window.focus();
        this.#store.do({ type: "look", at: entry.conversation });
      };
    }
  }

  #looked(): void {
    this.#keepTicket();
    if (document.hidden) return this.#world.away(true);
    this.#world.away(false);
    this.#session.reachable();
    this.#askPresence();
  }

  #comeBack(): void {
    const token = this.#session.ticket?.token ?? "";
    const { link } = this.#store.state;
    if (link.at === "ended" && link.why === "taken-over" && token !== "") {
      return this.#session.attach(token, true);
    }
    location.reload();
  }

  async #leave(): Promise<void> {
    keep(sessionStorage, TICKET_KEY, undefined);
    await this.#session.ask({ type: "Logout" }).catch(() => undefined);
    this.#session.leave();
    location.reload();
  }

  /** Above the keyboard of a phone, also where the browser does not shrink the page for it. */
  #fit(): void {
    const view = window.visualViewport;
    if (view !== null && view.scale === 1) this.#stage.style.height = `${view.height}px`;
  }

  #keepTicket(): void {
    const { ticket } = this.#session;
    const ended = this.#store.state.link.at === "ended";
    keep(sessionStorage, TICKET_KEY, ended || ticket?.session === "" ? undefined : ticket);
  }

  #note(text: string, tone: "quiet" | "warning"): void {
    this.#log({ body: { kind: "notice", text: plainText(text), tone }, conversation: "world", at: Date.now(), own: false });
  }

  #log(news: News): void {
    this.#store.do({ type: "news", news: [news] });
  }

  #show(view: HTMLElement): void {
    if (this.#stage.firstChild !== view) this.#stage.replaceChildren(view);
  }
}

/** The entries at the end that were not there before; the past is no news. */
function freshIn(now: State, before: State): readonly Entry[] {
  if (now.entries === before.entries) return [];
  const last = before.entries.at(-1)?.key ?? 0;
  return now.entries.filter(({ key }) => key > Math.max(0, last));
}

/** A line for a conversation, as a typed message. Its session is added when it is sent. */
function messageFor(to: ConversationId, name: string, message: string): Fields {
  const id = to.slice(to.indexOf(":") + 1);
  const from = { type: "User", id: name };
  if (to === "global") return { type: "GlobalMessage", from, message };
  if (to.startsWith("room:")) return { type: "ChatRoomMessage", from, to: { type: "ChatRoom", id }, message };
  return { type: "DirectMessage", from, to: { type: "User", id }, message };
}
