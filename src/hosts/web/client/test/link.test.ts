import assert from "node:assert/strict";
import { test } from "node:test";
import { Link, SILENCE_MS, WAIT_MAX_MS, WELCOME_MS } from "../src/net/link";

const dial = [{ do: "dial" }, { do: "timer", ms: WELCOME_MS }];

function open(): Link {
  const link = new Link();
  assert.deepEqual(link.on({ on: "start" }), dial);
  link.on({ on: "welcomed" });
  assert.equal(link.state.at, "open");
  return link;
}

const closed = (link: Link, code: number) => link.on({ on: "closed", code, now: 1_000, chance: 1 });

test("a lost socket is replaced after a wait that doubles up to the longest", () => {
  const link = open();
  const waits = [];
  for (let i = 0; i < 9; i++) {
    const [timer] = closed(link, 1006);
    assert.ok(timer?.do === "timer" && timer.ms !== null);
    waits.push(timer.ms);
    assert.deepEqual(link.state, { at: "waiting", until: 1_000 + timer.ms, attempt: i + 1 });
    assert.deepEqual(link.on({ on: "timer", now: 0 }), dial);
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, WAIT_MAX_MS, WAIT_MAX_MS, WAIT_MAX_MS]);
});

test("a welcome makes the waits short again, and chance spreads them", () => {
  const link = open();
  closed(link, 1006);
  link.on({ on: "timer", now: 0 });
  closed(link, 1006);
  link.on({ on: "timer", now: 0 });
  link.on({ on: "welcomed" });
  assert.deepEqual(link.on({ on: "closed", code: 1006, now: 0, chance: 0 }), [{ do: "timer", ms: 250 }]);
});

test("a log-out, and a connection that went elsewhere, are the end", () => {
  for (const [code, why] of [[4401, "logged-out"], [4409, "taken-over"], [1000, "logged-out"]] as const) {
    const link = open();
    assert.deepEqual(closed(link, code), []);
    assert.deepEqual(link.state, { at: "ended", why });
    assert.deepEqual(link.on({ on: "reachable" }), []);
    assert.deepEqual(link.on({ on: "timer", now: 0 }), []);
  }
});

test("after an end somebody may start again", () => {
  const link = open();
  closed(link, 4401);
  assert.deepEqual(link.on({ on: "start" }), dial);
});

test("a silent socket is asked, and given up if it stays silent", () => {
  const link = open();
  assert.deepEqual(link.on({ on: "timer", now: 0 }), [{ do: "ping" }, { do: "timer", ms: SILENCE_MS }]);
  assert.deepEqual(link.on({ on: "heard" }), [{ do: "timer", ms: SILENCE_MS }]);
  link.on({ on: "timer", now: 0 });
  assert.deepEqual(link.on({ on: "timer", now: 0 }), [{ do: "hang-up" }]);
});

test("a socket that is not welcomed in time is given up", () => {
  const link = new Link();
  link.on({ on: "start" });
  assert.deepEqual(link.on({ on: "timer", now: 0 }), [{ do: "hang-up" }]);
});

test("the network coming back ends the wait", () => {
  const link = open();
  closed(link, 1006);
  assert.deepEqual(link.on({ on: "reachable" }), dial);
});

test("a stranger's socket may close without anybody caring", () => {
  const link = new Link();
  link.on({ on: "start" });
  assert.deepEqual(link.on({ on: "greeted" }), [{ do: "timer", ms: null }]);
  assert.deepEqual(closed(link, 4408), []);
  assert.deepEqual(link.state, { at: "idle" });
  assert.deepEqual(link.on({ on: "start" }), dial);
});
