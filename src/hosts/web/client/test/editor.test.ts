import { EditorState } from "@codemirror/state";
import { getIndentation, syntaxTree } from "@codemirror/language";
import assert from "node:assert/strict";
import { test } from "node:test";
import { diffLines, hunks } from "../src/editor/diff";
import { laidOut } from "../src/editor/literal";
import { moo } from "../src/editor/moo";
import { faultsOf, linesOf, saving, subjectOf, titleOf, versionOf } from "../src/editor/subject";

const lines = (text: string) => (text === "" ? [] : text.split(" "));

test("a difference is the way from one text to the other", () => {
  for (const [before, now] of [["a b c", "a x c"], ["", "a b"], ["a b", ""], ["a b c d", "b c d e"], ["a a a", "a a"], ["x y", "p q r"]] as const) {
    const way = diffLines(lines(before), lines(now));
    assert.deepEqual(way.filter(({ mark }) => mark !== "new").map(({ text }) => text), lines(before));
    assert.deepEqual(way.filter(({ mark }) => mark !== "old").map(({ text }) => text), lines(now));
  }
  assert.deepEqual(diffLines(["a", "b", "c"], ["a", "x", "c"]).map(({ mark }) => mark), ["same", "old", "new", "same"]);
});

test("far from a change nothing is shown", () => {
  const many = Array.from({ length: 30 }, (_, i) => String(i));
  const shown = hunks(diffLines(many, many.with(15, "x")), 2);
  assert.deepEqual(shown.map((line) => line?.text ?? "…"), ["…", "13", "14", "15", "x", "16", "17", "…"]);
});

test("verbs and properties are named as people name them", () => {
  assert.deepEqual(subjectOf("$room:look_self"), { kind: "verb", object: "$room", name: "look_self" });
  assert.deepEqual(subjectOf(" #5.name "), { kind: "property", object: "#5", name: "name" });
  assert.deepEqual(subjectOf("brass lantern:rub"), { kind: "verb", object: "brass lantern", name: "rub" });
  assert.equal(subjectOf("$room"), undefined);
  assert.equal(subjectOf(":x"), undefined);
  assert.equal(titleOf({ kind: "property", object: "#5", name: "name" }), "#5.name");
});

test("a text is saved over the one that it was made from", () => {
  assert.deepEqual(saving({ kind: "verb", object: "#5", name: "x" }, "return 1;\n\n", "e1"), {
    type: "Program", object: "#5", verb: "x", code: ["return 1;"], if_match: "e1",
  });
  assert.deepEqual(saving({ kind: "property", object: "#5", name: "x" }, "{1,\n 2.0}\n", "e1"), {
    type: "UpdateProperty", object: "#5", property: "x", literal: "{1,\n 2.0}", if_match: "e1",
  });
  assert.deepEqual(versionOf({ code: ["a", "b"], etag: "e" }), { text: "a\nb", etag: "e" });
  assert.deepEqual(linesOf(""), []);
  assert.deepEqual(faultsOf({ faults: [{ line: 3, column: 1, message: "no" }, 7] }), [{ line: 3, column: 1, message: "no" }]);
});

test("a long list is laid out, one item a line, and stays the same value", () => {
  const long = `{"a, {b} \\", c", ${"1, ".repeat(30)}{#1, "x"}, ["k" -> {}]}`;
  const shown = laidOut(long);
  assert.equal(shown.split("\n").length, 35);
  assert.equal(shown.split("\n")[1], '  "a, {b} \\", c",');
  assert.equal(shown.replace(/\n */g, " ").replace("{ ", "{").replace(/ }$/, "}"), long);
  for (const short of ["{}", "17", '"text"', "{1, 2}"]) assert.equal(laidOut(short), short);
});

/** The names of the tokens of a program, with their texts. */
function tokens(text: string): string[] {
  const state = EditorState.create({ doc: text, extensions: [moo] });
  const found: string[] = [];
  syntaxTree(state).iterate({
    enter: ({ name, from, to, node }) => {
      if (node.firstChild === null && from < to) found.push(`${name} ${state.sliceDoc(from, to)}`);
    },
  });
  return found;
}

test("words of the language, names and texts are told apart", () => {
  assert.deepEqual(tokens('IF (this.x) $a:b("c\\"d", #-1, E_PERM); endif'), [
    "keyword IF", "bracket (", "variableName.special this", "punctuation .", "propertyName x", "bracket )", "punctuation $", "atom a",
    "punctuation :", "propertyName.function b", "bracket (", 'string "c\\"d"', "punctuation ,", "atom #-1", "punctuation ,",
    "atom E_PERM", "bracket )", "punctuation ;", "keyword endif",
  ]);
  assert.deepEqual(tokens("x[1..y] /* a\nb */ z"), [
    "variableName x", "bracket [", "number 1", "operator ..", "variableName y", "bracket ]", "comment /* a", "comment b */", "variableName z",
  ]);
});

test("a block is indented, and its end is not", () => {
  const text = "if (x)\nreturn 1;\nelse\nfor y in (z)\na();\nendfor\nendif\nb();";
  const state = EditorState.create({ doc: text, extensions: [moo] });
  const indents = Array.from({ length: state.doc.lines }, (_, i) => getIndentation(state, state.doc.line(i + 1).from));
  assert.deepEqual(indents, [0, 2, 0, 2, 4, 2, 0, 0]);
});
