import assert from "node:assert/strict";
import { test } from "node:test";
import { announcementOf } from "../src/model/announcement";
import { Echoes } from "../src/model/echoes";
import { gameOf, gameWords } from "../src/model/game";
import { names, noticeOf } from "../src/model/notice";
import { actionsOf, meOf, newsOf, presenceOf } from "../src/model/reading";
import { type Action, EMPTY, ENTRIES_MAX, type News, reduce, type State, unreadIn } from "../src/model/state";

const me = { id: "#97", name: "Benjamin", programmer: false };

function after(...actions: Action[]): State {
  return actions.reduce(reduce, { ...EMPTY, me });
}

const told = (text: string): News => ({ body: { kind: "text", text }, conversation: "world", at: 1, own: false });
const news = (...all: News[]): Action => ({ type: "news", news: all });
const direct = (from: string): News => {
  const [one] = newsOf({ type: "DirectMessage", from: { id: from }, to: { id: "Benjamin" }, message: "Hello world" }, me, 1);
  assert.ok(one);
  return one;
};
const texts = (state: State) => state.entries.map(({ body }) => body.text);
const unread = (state: State, id: string) => state.conversations.find((one) => one.id === id)?.unread;

test("a direct message opens a conversation with whoever wrote it", () => {
  const state = after(news(direct("Ann")));
  assert.deepEqual(state.conversations.map(({ id, name }) => [id, name]), [["world", "World"], ["user:ann", "Ann"]]);
});

test("what is looked at is read, the rest is counted once", () => {
  const looking = after({ type: "look", at: "user:ann", name: "Ann" }, news(direct("Ann"), told("rain"), direct("Mengxiong")));
  assert.deepEqual([unread(looking, "user:ann"), unread(looking, "world"), unread(looking, "user:mengxiong")], [0, 1, 1]);
  assert.equal(unreadIn(looking), 2);
  assert.equal(unreadIn(reduce(looking, { type: "look", at: "world" })), 0);
});

test("whoever has scrolled up has not read the news, until they come back to the end", () => {
  const away = after({ type: "attend", attending: false }, news(told("rain")));
  assert.equal(unreadIn(away), 1);
  assert.equal(unreadIn(reduce(away, { type: "attend", attending: true })), 0);
});

test("one's own words are not unread", () => {
  const own = { ...told("look"), own: true };
  assert.equal(unreadIn(after({ type: "attend", attending: false }, news(own))), 0);
});

test("the past stands before the present, and its keys below", () => {
  const state = after(news(told("now")), { type: "past", news: [told("one"), told("two")], begun: false });
  const more = reduce(state, { type: "past", news: [told("zero")], begun: true });
  assert.deepEqual(texts(more), ["zero", "one", "two", "now"]);
  assert.deepEqual(more.entries.map(({ key }) => key), [-2, -1, 0, 1]);
  assert.equal(more.past, "begun");
});

test("who wrote to one in the past is among the conversations, and nothing of it is unread", () => {
  const state = after({ type: "past", news: [direct("Ann")], begun: true });
  assert.deepEqual(state.conversations.at(-1), { id: "user:ann", name: "Ann", unread: 0 });
});

test("the page is bounded, and what went can be fetched again", () => {
  const many = Array.from({ length: ENTRIES_MAX + 5 }, (_, i) => told(String(i)));
  const state = after({ type: "past", news: [], begun: true }, news(...many));
  assert.equal(state.entries.length, ENTRIES_MAX);
  assert.equal(state.past, "more");
  assert.equal(after({ type: "attend", attending: false }, news(...many)).entries.length, ENTRIES_MAX + 5);
});

test("closing a conversation leads back to the world", () => {
  const state = after({ type: "look", at: "user:ann", name: "Ann" }, { type: "close", conversation: "user:ann" });
  assert.equal(state.current, "world");
  assert.equal(state.conversations.length, 1);
});

test("events become entries: lines of one commit one entry, own messages one's own", () => {
  const [lines] = newsOf({ type: "Narrative", at: 5, lines: [{ text: "a" }, { text: "b", no_newline: true }, { text: "c" }] }, me, 9);
  assert.deepEqual(lines?.body, { kind: "text", text: "a\nbc" });
  assert.equal(lines?.at, 5);
  const [rich] = newsOf({ type: "Narrative", content_type: "text/html", html: "<b>x</b>", text: "x" }, me, 9);
  assert.equal(rich?.body.kind, "rich");
  const [own] = newsOf({ type: "DirectMessage", from: { id: "benjamin" }, to: { id: "Ann" }, message: "hi" }, me, 9);
  assert.deepEqual([own?.own, own?.conversation], [true, "user:ann"]);
  const [room] = newsOf({ type: "ChatRoomMessage", from: { id: "ann" }, to: { id: "room1" }, message: "hi" }, me, 9);
  assert.equal(room?.conversation, "room:room1");
});

test("whatever the server says, the page does not fail", () => {
  for (const event of [{}, { type: 7 }, { type: "Narrative", lines: "x" }, { type: "DirectMessage" }, { type: "Gap" }, { type: "Presentation" }, { type: "Done", ok: false }]) {
    assert.ok(Array.isArray(actionsOf(event, me, 0)));
  }
  assert.deepEqual(presenceOf({ players: [1], channels: {} }), { people: [], channels: [] });
});

test("flags are kept where a message says nothing of them", () => {
  const wizard = meOf({ player: "#2", name: "Wizard", flags: ["wizard"] }, null);
  assert.ok(wizard.programmer);
  assert.ok(meOf({ player: "#2", name: "Wizard" }, wizard).programmer);
});

test("what is read out leaves out one's own words and says how much it skipped", () => {
  const state = after(news({ ...told("mine"), own: true }, direct("Ann"), told("\x1b[31mrain\x1b[0m")));
  assert.equal(announcementOf(state.entries), "Ann to you: Hello world\nrain");
  const many = after(news(...Array.from({ length: 20 }, (_, i) => told(`line ${i}`))));
  assert.match(announcementOf(many.entries), /^8 more\.\nline 8\n/);
});

test("one is called back for direct messages and for one's name, but not for what one sees", () => {
  const state = after(news(direct("Ann"), told("Ann waves at Benjamin."), told("rain"), told("Benjaminian art")));
  const called = state.entries.map((entry) => noticeOf(entry, state, false)?.title);
  assert.deepEqual(called, ["Ann", "Your name was said", undefined, undefined]);
  assert.deepEqual(state.entries.map((entry) => noticeOf(entry, state, true)), [undefined, undefined, undefined, undefined]);
  assert.ok(names("hi C++!", "C++"));
});

test("one's own message is shown once: when it is sent, or when the world tells of it", () => {
  const echoes = new Echoes();
  const own = (text: string): News => ({ body: { kind: "said", from: me, text }, conversation: "room:chat", at: 1, own: true });
  const echo = echoes.sent("room:chat", "hello ");
  assert.ok(!echoes.take(own("something typed as a command")));
  assert.ok(!echoes.take({ ...own("hello"), own: false }));
  assert.ok(echoes.take(own("hello")));
  assert.ok(!echoes.take(own("hello")));
  echo.id = "m1";
  const direct = echoes.sent("user:ann", "hi");
  direct.id = "m2";
  assert.ok(echoes.ended("m2"));
  assert.ok(!echoes.ended("m2"));
  assert.ok(!echoes.take({ ...own("hi"), conversation: "user:ann" }));
});

test("a game is read from what the world tells, and only what lies on the board", () => {
  const state = { game: "g", stones: 9, height: 5, sparks: [[4, 3], [12, 1], "x"], players: [{ id: "Benjamin", stone: 4, score: 2 }], burns: 1, burns_allowed: 5, over: 0 };
  const game = gameOf(state);
  assert.deepEqual(game.sparks, [{ stone: 4, height: 3 }]);
  assert.equal(gameWords(game, "Benjamin"), "You stand on stone 4 of 9. Sparks: stone 4, 3 high. Burns: 1 of 5.");
  assert.equal(gameOf({ stones: 1e9 }).stones, 40);
  assert.equal(after(...actionsOf({ type: "GameState", ...state }, me, 0)).game?.id, "g");
});
