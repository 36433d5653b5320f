import assert from "node:assert/strict";
import { test } from "node:test";
import { piecesOf, safeAddress } from "../src/text/links";

const addresses = (text: string) => piecesOf(text).flatMap(({ text: piece, href }) => (href === undefined ? [] : [piece]));

test("addresses are found without the sentence around them", () => {
  assert.deepEqual(addresses("see https://a.example/x, or http://b.example."), ["https://a.example/x", "http://b.example"]);
  assert.deepEqual(addresses("(https://a.example/x)"), ["https://a.example/x"]);
  assert.deepEqual(addresses("https://a.example/x_(y)!"), ["https://a.example/x_(y)"]);
  assert.deepEqual(addresses('say "https://a.example/?q=1&r=2"'), ["https://a.example/?q=1&r=2"]);
});

test("the pieces together are the text", () => {
  for (const text of ["", "none", "https://a.example", "a https://a.example/ b http://c.example) d", "https:// no"]) {
    assert.equal(piecesOf(text).map((piece) => piece.text).join(""), text);
  }
});

test("only harmless addresses are links", () => {
  assert.equal(safeAddress("javascript:alert(1)"), undefined);
  assert.equal(safeAddress("data:text/html,x"), undefined);
  assert.equal(safeAddress("no address"), undefined);
  assert.equal(safeAddress("https://a.example"), "https://a.example/");
  assert.equal(safeAddress("mailto:ann@a.example"), "mailto:ann@a.example");
});
