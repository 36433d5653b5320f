import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox, WAITING_MAX } from "../src/net/outbox";
import { EVENTS_MAX, Receipts } from "../src/net/receipts";

function filled(): Outbox {
  const outbox = new Outbox();
  outbox.begun(4, () => false);
  for (const id of ["a", "b", "c"]) outbox.put(id, { type: "Command", line: id });
  return outbox;
}

const numbers = (outbox: Outbox) => outbox.waiting.map(({ n }) => n);

test("numbers rise from the server's next one without a hole", () => {
  assert.deepEqual(numbers(filled()), [4, 5, 6]);
});

test("what is not answered is sent again under its number", () => {
  const outbox = filled();
  outbox.answered("a");
  assert.deepEqual(outbox.resumed(6).map(({ n }) => n), [5, 6]);
  assert.equal(outbox.put("d", {})?.n, 7);
  assert.deepEqual(outbox.waiting[0]?.message, { type: "Command", line: "b", id: "b", n: 5 });
});

test("what was refused leaves no hole in the numbers of what follows", () => {
  const outbox = filled();
  outbox.answered("a");
  assert.deepEqual(outbox.resumed(4).map(({ n, message }) => [n, message["n"]]), [[4, 4], [5, 5]]);
  assert.equal(outbox.put("d", {})?.n, 6);
});

test("on another connection only what was never sent is sent, under new numbers", () => {
  const outbox = filled();
  const { lost, send } = outbox.begun(1, ({ id }) => id === "a");
  assert.deepEqual(lost.map(({ id }) => id), ["a"]);
  assert.deepEqual(send.map(({ id, n }) => [id, n]), [["b", 1], ["c", 2]]);
  assert.deepEqual(send[0]?.message["n"], 1);
});

test("too much is refused, without using up a number", () => {
  const outbox = new Outbox();
  for (let i = 0; i < WAITING_MAX; i++) outbox.put(`m${i}`, {});
  assert.equal(outbox.put("more", {}), undefined);
  outbox.answered("m0");
  assert.equal(outbox.put("more", {})?.n, WAITING_MAX + 1);
});

test("an event that came before is not taken again; another era begins anew", () => {
  const receipts = new Receipts();
  receipts.startAt({ era: 1, seq: 5 });
  assert.ok(!receipts.take({ era: 1, seq: 5 }, 1));
  assert.ok(receipts.take({ era: 1, seq: 7 }, 1));
  assert.ok(!receipts.take({ era: 1, seq: 6 }, 1));
  assert.ok(receipts.take({ era: 2, seq: 1 }, 1));
  assert.deepEqual(receipts.last, { era: 2, seq: 1 });
});

test("acknowledgements are owed soon, and at once after many events or much text", () => {
  const receipts = new Receipts();
  assert.equal(receipts.due, "no");
  receipts.take({ era: 1, seq: 1 }, 10);
  assert.equal(receipts.due, "soon");
  assert.deepEqual(receipts.acknowledge(), { era: 1, seq: 1 });
  assert.equal(receipts.due, "no");
  for (let i = 0; i < EVENTS_MAX; i++) receipts.take({ era: 1, seq: 2 + i }, 10);
  assert.equal(receipts.due, "now");
  receipts.acknowledge();
  receipts.take({ era: 1, seq: 1_000 }, 40_000);
  assert.equal(receipts.due, "now");
});
