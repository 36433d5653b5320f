// Everything the page knows, and how it changes: a pure function from what was and what happened to what is.
//
// Invariant: entries are in the order of the stream, each place in it at most once; what was not looked at is counted as
// unread in its conversation exactly once.

import type { Game } from "./game";
import type { LinkState } from "../net/link";
import type { Place } from "../net/place";

/** Where something is said: the world around, a room of talk, everybody, or one person. */
export type ConversationId = "world" | "global" | `room:${string}` | `user:${string}`;

/** A person, as the world names them. */
export interface Person {
  readonly id: string;
  readonly name: string;
}

/** Who is logged in. */
export interface Me extends Person {
  readonly programmer: boolean;
}

/** What an entry of the log is; `rich` is HTML that the server has made harmless. */
export type Body =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "rich"; readonly text: string }
  | { readonly kind: "said"; readonly from: Person; readonly text: string }
  | { readonly kind: "typed"; readonly text: string }
  | { readonly kind: "notice"; readonly text: string; readonly tone: "quiet" | "warning" };

/** What reaches the log. */
export interface News {
  readonly body: Body;
  readonly conversation: ConversationId;
  /** When it happened, in milliseconds since 1970. */
  readonly at: number;
  /** Whether it is one's own word come back. */
  readonly own: boolean;
  /** Where it stands in the stream or in the past; nothing for what this page wrote itself. */
  readonly place?: Place | undefined;
}

/** One entry of the log. */
export interface Entry extends News {
  /** Rises down the page; negative for what came from the past. */
  readonly key: number;
}

/** A conversation in the list. */
export interface Conversation {
  readonly id: ConversationId;
  readonly name: string;
  readonly unread: number;
}

/** The world asks for a line. */
export interface Question {
  readonly request: string;
  readonly prompt: string;
  /** Nothing of the answer is to be shown or kept. */
  readonly secret: boolean;
  readonly choices: readonly string[];
}

/** What the world shows beside the log. */
export interface Shown {
  readonly id: string;
  readonly title: string;
  /** Where the world wants it: `editor` is for something that is to be edited, all else stands beside the log. */
  readonly target: string;
  readonly isHtml: boolean;
  readonly text: string;
}

/** Somebody who is connected. */
export interface Present extends Person {
  readonly idleSeconds: number;
  readonly room: string;
  /** In the same room. */
  readonly here: boolean;
}

/** A room of talk. */
export interface Channel {
  readonly id: string;
  readonly name: string;
  readonly joined: boolean;
}

/** Who is connected, and where there is talk. */
export interface Presence {
  readonly people: readonly Present[];
  readonly channels: readonly Channel[];
}

/** What is known of the time before the oldest entry. */
export type Past = "more" | "loading" | "begun";

/** The whole. */
export interface State {
  readonly me: Me | null;
  readonly link: LinkState;
  readonly entries: readonly Entry[];
  readonly past: Past;
  readonly conversations: readonly Conversation[];
  readonly current: ConversationId;
  /** Whether the person has the end of the log before their eyes. */
  readonly attending: boolean;
  readonly question: Question | null;
  /** Whether what is typed may be seen. */
  readonly echo: boolean;
  readonly shown: ReadonlyMap<string, Shown>;
  readonly presence: Presence;
  /** The game that goes on, if one takes part. */
  readonly game: Game | null;
  /** Whether the world is away, so that what is sent waits. */
  readonly holding: boolean;
}

/** What happens. */
export type Action =
  | { readonly type: "logged-in"; readonly me: Me }
  | { readonly type: "logged-out" }
  | { readonly type: "link"; readonly link: LinkState }
  | { readonly type: "news"; readonly news: readonly News[] }
  | { readonly type: "past-asked" }
  | { readonly type: "past"; readonly news: readonly News[]; readonly begun: boolean }
  | { readonly type: "look"; readonly at: ConversationId; readonly name?: string }
  | { readonly type: "close"; readonly conversation: ConversationId }
  | { readonly type: "attend"; readonly attending: boolean }
  | { readonly type: "asked"; readonly question: Question }
  | { readonly type: "answered" }
  | { readonly type: "echo"; readonly echo: boolean }
  | { readonly type: "show"; readonly shown: Shown }
  | { readonly type: "hide"; readonly id: string }
  | { readonly type: "shown-anew"; readonly shown: readonly Shown[] }
  | { readonly type: "presence"; readonly presence: Presence }
  | { readonly type: "game"; readonly game: Game | null }
  | { readonly type: "holding"; readonly holding: boolean };

/** So many entries are kept on the page; older ones come back by scrolling. */
export const ENTRIES_MAX = 3_000;

/** Nothing has happened yet. */
export const EMPTY: State = {
  me: null,
  link: { at: "idle" },
  entries: [],
  past: "more",
  conversations: [{ id: "world", name: "World", unread: 0 }],
  current: "world",
  attending: true,
  question: null,
  echo: true,
  shown: new Map(),
  presence: { people: [], channels: [] },
  game: null,
  holding: false,
};

/** What is, after that. */
export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "logged-in":
      return { ...state, me: action.me };
    case "logged-out":
      return { ...EMPTY, link: state.link };
    case "link":
      return { ...state, link: action.link };
    case "news":
      return withNews(state, action.news);
    case "past-asked":
      return { ...state, past: "loading" };
    case "past":
      return withPast(state, action.news, action.begun);
    case "look":
      return lookedAt(state, action.at, action.name);
    case "close":
      return closed(state, action.conversation);
    case "attend":
      return read({ ...state, attending: action.attending });
    case "asked":
      return { ...state, question: action.question };
    case "answered":
      return { ...state, question: null };
    case "echo":
      return { ...state, echo: action.echo };
    case "show":
      return { ...state, shown: new Map(state.shown).set(action.shown.id, action.shown) };
    case "hide":
      return { ...state, shown: new Map([...state.shown].filter(([id]) => id !== action.id)) };
    case "shown-anew":
      return { ...state, shown: new Map(action.shown.map((shown) => [shown.id, shown])) };
    case "presence":
      return { ...state, presence: action.presence };
    case "game":
      return { ...state, game: action.game };
    case "holding":
      return { ...state, holding: action.holding };
  }
}

/** Whether an entry stands in the log of this conversation: the world's log has all there is. */
export function standsIn(entry: News, conversation: ConversationId): boolean {
  return conversation === "world" || entry.conversation === conversation;
}

/** All that is unread. */
export function unreadIn(state: State): number {
  return state.conversations.reduce((sum, { unread }) => sum + unread, 0);
}

/** What a conversation is called before anybody said a name for it. */
export function nameOf(id: ConversationId): string {
  if (id === "world") return "World";
  if (id === "global") return "Everybody";
  return id.slice(id.indexOf(":") + 1);
}

function withNews(state: State, news: readonly News[]): State {
  let key = state.entries.at(-1)?.key ?? 0;
  key = Math.max(key, 0);
  const fresh = news.map((one) => ({ ...one, key: ++key }));
  const entries = [...state.entries, ...fresh];
  const dropped = entries.length > ENTRIES_MAX && state.attending;
  return {
    ...state,
    entries: dropped ? entries.slice(-ENTRIES_MAX) : entries,
    past: dropped && state.past === "begun" ? "more" : state.past,
    conversations: fresh.reduce((all, one) => counted(all, one, sees(state, one)), state.conversations),
  };
}

function sees(state: State, news: News): boolean {
  return news.own || (state.attending && standsIn(news, state.current));
}

/** Own words and notices of the page are never unread. */
function counted(all: readonly Conversation[], news: News, seen: boolean): readonly Conversation[] {
  const known = opened(all, news.conversation, partnerName(news));
  if (seen || news.body.kind === "notice") return known;
  return known.map((one) => (one.id === news.conversation ? { ...one, unread: one.unread + 1 } : one));
}

function partnerName(news: News): string | undefined {
  const theirs = news.body.kind === "said" && !news.own && news.conversation.startsWith("user:");
  return theirs && news.body.kind === "said" ? news.body.from.name : undefined;
}

function opened(all: readonly Conversation[], id: ConversationId, name?: string): readonly Conversation[] {
  if (all.some((one) => one.id === id)) {
    return name === undefined ? all : all.map((one) => (one.id === id ? { ...one, name } : one));
  }
  return [...all, { id, name: name ?? nameOf(id), unread: 0 }];
}

function withPast(state: State, news: readonly News[], begun: boolean): State {
  const first = Math.min(state.entries[0]?.key ?? 1, 1);
  const older = news.map((one, i) => ({ ...one, key: first - news.length + i }));
  const conversations = older.reduce((all, one) => opened(all, one.conversation, partnerName(one)), state.conversations);
  return { ...state, conversations, entries: [...older, ...state.entries], past: begun ? "begun" : "more" };
}

function lookedAt(state: State, at: ConversationId, name: string | undefined): State {
  return read({ ...state, current: at, conversations: opened(state.conversations, at, name) });
}

/** What is before the person's eyes is read: in the world's log that is everything. */
function read(state: State): State {
  if (!state.attending) return state;
  const conversations = state.conversations.map((one) =>
    one.unread > 0 && (state.current === "world" || one.id === state.current) ? { ...one, unread: 0 } : one,
  );
  return { ...state, conversations };
}

function closed(state: State, id: ConversationId): State {
  if (id === "world") return state;
  const conversations = state.conversations.filter((one) => one.id !== id);
  return read({ ...state, conversations, current: state.current === id ? "world" : state.current });
}
