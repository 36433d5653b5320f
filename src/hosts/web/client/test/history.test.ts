import assert from "node:assert/strict";
import { test } from "node:test";
import { History, LINES_MAX } from "../src/input/history";

function sent(...lines: string[]): History {
  const history = new History();
  for (const line of lines) history.send(line);
  return history;
}

test("looking back and coming forward again finds the draft as it was", () => {
  const history = sent("one", "two");
  history.edit("half a thou");
  assert.ok(history.older());
  assert.equal(history.text, "two");
  assert.ok(history.older());
  assert.equal(history.text, "one");
  assert.ok(!history.older());
  assert.ok(history.newer() && history.newer());
  assert.equal(history.text, "half a thou");
  assert.ok(!history.newer());
});

test("an old line that was changed keeps the change until something is sent", () => {
  const history = sent("one", "two");
  history.older();
  history.edit("two and more");
  history.older();
  history.newer();
  assert.equal(history.text, "two and more");
  history.send("two and more");
  history.older();
  history.older();
  assert.equal(history.text, "two");
});

test("sending an old line again leaves the draft for the next one", () => {
  const history = sent("one");
  history.edit("my draft");
  history.older();
  history.send(history.text);
  assert.equal(history.text, "my draft");
});

test("a prefix finds only what begins alike", () => {
  const history = sent("say a", "look", "say b");
  history.edit("say");
  history.older("say");
  assert.equal(history.text, "say b");
  history.older("say");
  assert.equal(history.text, "say a");
  history.newer("say");
  history.newer("say");
  assert.equal(history.text, "say");
});

test("repeated, empty and secret lines are not kept, and not more than there is room for", () => {
  const history = sent("one", "one", " ");
  history.send("password", true);
  assert.deepEqual(history.kept().sent, ["one"]);
  for (let i = 0; i < LINES_MAX + 5; i++) history.send(`line ${i}`);
  assert.equal(history.kept().sent.length, LINES_MAX);
});

test("what is kept for the next visit has the draft, also while looking back", () => {
  const history = sent("one");
  history.edit("draft");
  history.older();
  const again = new History(history.kept());
  assert.equal(again.text, "draft");
  again.older();
  assert.equal(again.text, "one");
});
