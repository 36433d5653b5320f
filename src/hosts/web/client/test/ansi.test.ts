import assert from "node:assert/strict";
import { test } from "node:test";
import { plainText, spansOf } from "../src/text/ansi";
import { contrast, DARK, LIGHT, onPage, rgbOf } from "../src/text/colour";

test("plain text is one span without a style", () => {
  assert.deepEqual(spansOf("a line"), [{ text: "a line", style: {} }]);
  assert.deepEqual(spansOf(""), []);
});

test("colours and weights begin and end where the world says", () => {
  assert.deepEqual(spansOf("a \x1b[1;31mred\x1b[22m one\x1b[0m."), [
    { text: "a ", style: {} },
    { text: "red", style: { bold: true, fore: 1 } },
    { text: " one", style: { bold: false, faint: false, fore: 1 } },
    { text: ".", style: {} },
  ]);
});

test("bright, 256 and true colours are read, with semicolons and with colons", () => {
  const style = (text: string) => spansOf(`\x1b[${text}mx`)[0]?.style;
  assert.deepEqual(style("97;104"), { fore: 15, back: 12 });
  assert.deepEqual(style("38;5;226;1"), { fore: 226, bold: true });
  assert.deepEqual(style("48;2;1;2;300"), { back: [1, 2, 255] });
  assert.deepEqual(style("38:2::1:2:3"), { fore: [1, 2, 3] });
  assert.deepEqual(style("38:5:17"), { fore: 17 });
  assert.deepEqual(style("31;39"), {});
  assert.deepEqual(style("38"), {});
});

test("no control sequence is left in the text, whatever it is", () => {
  for (const line of ["a\x1b[2Jb", "a\x1b]0;title\x07b", "a\x07\x00b", "a\x1b[31mb\x1b", "a\x9bb", "a\x1b[?25lb", "a\x1b]8;;x\x1b\\b"]) {
    assert.equal(plainText(line), "ab", JSON.stringify(line));
    assert.equal(spansOf(line).map(({ text }) => text).join(""), "ab");
  }
});

test("a link of the world carries its address", () => {
  assert.deepEqual(spansOf("\x1b]8;;https://a.example/\x1b\\here\x1b]8;;\x1b\\ there"), [
    { text: "here", style: {}, href: "https://a.example/" },
    { text: " there", style: {} },
  ]);
});

test("every colour of the palette can be read on both pages, in front and behind", () => {
  for (const page of [LIGHT, DARK]) {
    for (let colour = 0; colour < 256; colour++) {
      for (const style of [{ fore: colour }, { back: colour }, { fore: colour, inverse: true }, { fore: colour, back: 255 - colour }]) {
        const { fore, back } = onPage(style, page);
        assert.ok(fore !== undefined && contrast(fore, back ?? page.paper) >= 4.5, JSON.stringify(style));
      }
    }
  }
});

test("the palette is sixteen colours, a cube, and greys", () => {
  assert.deepEqual(rgbOf(16), [0, 0, 0]);
  assert.deepEqual(rgbOf(231), [255, 255, 255]);
  assert.deepEqual(rgbOf(226), [255, 255, 0]);
  assert.deepEqual(rgbOf(255), [238, 238, 238]);
});
