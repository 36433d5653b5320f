import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { type Fields, parsed } from "../src/net/json";
import type { LinkState } from "../src/net/link";
import type { Place } from "../src/net/place";
import { type Hearer, type Refusal, Session } from "../src/net/session";

/** A socket whose other end is the test. */
class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readonly readyState = FakeSocket.OPEN;
  readonly sent: Fields[] = [];
  onmessage: ((message: { data: string }) => void) | undefined;
  onclose: ((event: { code: number }) => void) | undefined;

  constructor() {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(parsed(text) ?? {});
  }

  close(): void {}

  tell(...messages: Fields[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }

  types(): unknown[] {
    return this.sent.map(({ type }) => type);
  }
}

/** Takes down what it is told. */
class Notes implements Hearer {
  states: string[] = [];
  heard: unknown[] = [];
  link(state: LinkState): void {
    this.states.push(state.at);
  }
  welcomed(welcome: Fields, anew: boolean, first: Place | undefined): void {
    this.heard.push(["welcome", welcome["name"], anew, first?.seq]);
  }
  event(event: Fields): void {
    this.heard.push(event["text"] ?? event["type"]);
  }
  doubtful(messages: readonly Fields[]): void {
    this.heard.push(["doubtful", ...messages.map(({ line }) => line)]);
  }
  refused(reason: string, words: readonly Fields[]): void {
    this.heard.push(["refused", reason, ...words.map(({ text }) => text)]);
  }
}

const hello = { type: "Hello" };
const at = (seq: number) => ({ era: 1, seq });
const told = (seq: number, text: string) => ({ type: "Narrative", text, pos: at(seq) });
const welcome = (seq: number, next: number) => ({ type: "Welcome", id: "in", name: "Ann", session: "s1", token: "t1", pos: at(seq), next });
const last = (): FakeSocket => {
  const socket = FakeSocket.all.at(-1);
  assert.ok(socket);
  return socket;
};

let notes: Notes;
let session: Session;

beforeEach(() => {
  Object.assign(globalThis, { WebSocket: FakeSocket });
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  FakeSocket.all = [];
  notes = new Notes();
  session = new Session("ws://moot.test/ws", notes);
});

/** Logs in by name; the stream is at 3, and the next number is 2. */
function inside(): FakeSocket {
  session.greet();
  last().tell(hello);
  session.login({ type: "Login", name: "Ann" });
  last().tell(welcome(3, 2));
  return last();
}

test("a stranger hears the greeting; what is told while logging in follows the welcome", () => {
  session.greet();
  last().tell(hello, told(1, "greeting"));
  session.login({ type: "Login", name: "Ann", password: "x" });
  last().tell(told(2, "the porch"), welcome(2, 2), told(3, "rain"));
  assert.deepEqual(last().sent[0], { type: "Login", name: "Ann", password: "x", id: "in" });
  assert.deepEqual(notes.heard, ["greeting", ["welcome", "Ann", true, 2], "the porch", "rain"]);
});

test("whoever is not let in hears why in the world's words, and may try again", () => {
  session.greet();
  last().tell(hello);
  session.login({ type: "Login", name: "Ann", password: "y" });
  last().tell(told(2, "No such password."), { type: "Error", id: "in", code: "LOGIN_FAILED", message: "no" });
  assert.deepEqual(notes.heard, [["refused", "no", "No such password."]]);
  session.login({ type: "Login", name: "Ann", password: "x" });
  assert.equal(last().types().length, 2);
  assert.equal(FakeSocket.all.length, 1);
});

test("a socket that closes while logging in is a refusal", () => {
  session.greet();
  last().tell(hello);
  session.login({ type: "Guest" });
  last().onclose?.({ code: 1000 });
  assert.deepEqual(notes.heard, [["refused", "The server has closed the connection."]]);
});

test("after a loss it comes back to its place and sends again what was not answered", async () => {
  const first = inside();
  const answered = session.ask({ type: "Command", line: "one" });
  const waiting = session.ask({ type: "Command", line: "two" });
  first.tell({ type: "Ok", id: first.sent[1]?.["id"] }, told(4, "one is done"));
  await answered;
  first.onclose?.({ code: 1006 });
  const late = session.ask({ type: "Command", line: "three" });
  mock.timers.tick(500);
  last().tell(hello);
  assert.deepEqual(last().sent[0], { type: "Resume", id: "in", session: "s1", pos: at(4) });
  last().tell(told(1, "greeting"), { ...welcome(4, 3), recovered: true }, told(4, "one is done"), told(5, "rain"));
  assert.deepEqual(last().sent.slice(1).map(({ line, n }) => [line, n]), [["two", 3], ["three", 4]]);
  for (const { id } of last().sent.slice(1)) last().tell({ type: "Ok", id });
  await Promise.all([waiting, late]);
  assert.deepEqual(notes.heard.slice(1), ["one is done", ["welcome", "Ann", false, 5], "rain"]);
});

test("when the session has ended the token leads to a new one, and what is doubtful is said", async () => {
  const first = inside();
  const lost = session.ask({ type: "Command", line: "one" });
  first.onclose?.({ code: 1006 });
  mock.timers.tick(500);
  last().tell(hello, { type: "Error", id: "in", code: "SESSION_INVALID", message: "over" });
  last().tell(hello);
  assert.deepEqual(last().sent, [{ type: "Attach", id: "in", token: "t1" }]);
  last().tell(welcome(1, 1));
  await assert.rejects(lost, (refusal: Refusal) => refusal.code === "LOST");
  assert.deepEqual(notes.heard.slice(1), [["welcome", "Ann", true, 2], ["doubtful", "one"]]);
});

test("a token that was renewed is the one that leads to a new session", () => {
  const first = inside();
  first.tell({ type: "Token", token: "t2", pos: at(4) });
  first.onclose?.({ code: 1006 });
  mock.timers.tick(500);
  last().tell(hello, { type: "Error", id: "in", code: "SESSION_INVALID", message: "over" });
  last().tell(hello);
  assert.deepEqual(last().sent, [{ type: "Attach", id: "in", token: "t2" }]);
});

test("what the server has no room for is sent again when it says so", () => {
  const socket = inside();
  void session.ask({ type: "Command", line: "one" });
  socket.tell({ type: "Error", id: socket.sent[1]?.["id"], code: "BUSY", message: "later", retry_after_ms: 200 });
  mock.timers.tick(200);
  assert.deepEqual(socket.sent.slice(1).map(({ line, n }) => [line, n]), [["one", 2], ["one", 2]]);
});

test("typed messages say whose they are by the session that holds", () => {
  const socket = inside();
  void session.ask({ type: "GlobalMessage", from: { type: "User", id: "Ann" }, message: "hi" });
  assert.deepEqual(socket.sent[1]?.["from"], { type: "User", id: "Ann", session: "s1" });
});

test("news is acknowledged after a moment, and much of it at once", () => {
  const socket = inside();
  socket.tell(told(4, "a"), told(5, "b"));
  assert.deepEqual(socket.types(), ["Login"]);
  mock.timers.tick(1_000);
  assert.deepEqual(socket.sent.at(-1), { type: "Ack", pos: at(5) });
  for (let i = 0; i < 64; i++) socket.tell(told(6 + i, "c"));
  assert.deepEqual(socket.sent.at(-1), { type: "Ack", pos: at(69) });
});

test("questions are not asked without a connection, and fail with it", async () => {
  await assert.rejects(session.ask({ type: "Presence" }), /no connection/);
  const socket = inside();
  const asked = session.ask({ type: "Presence" });
  socket.onclose?.({ code: 1006 });
  await assert.rejects(asked, /was lost/);
});

test("somebody who leaves does not come back", () => {
  const socket = inside();
  session.leave();
  mock.timers.tick(60_000);
  assert.deepEqual([FakeSocket.all.length, FakeSocket.all[0]], [1, socket]);
  assert.equal(session.ticket, undefined);
});
