// What is edited: a verb or a property of an object, and how it is named, fetched and saved.
//
// Invariant: a text is saved only over the text that it was made from; the mark (`etag`) of that one goes along.

import { laidOut } from "./literal";
import { type Fields, numberIn, objectsIn, stringsIn, textIn } from "../net/json";

/** A verb or a property. */
export interface Subject {
  readonly kind: "verb" | "property";
  /** As the server understands it: `#5`, `$room`, `me`. */
  readonly object: string;
  readonly name: string;
}

/** A text as the server has it, and its mark. */
export interface Version {
  readonly text: string;
  readonly etag: string;
}

/** Something wrong in a program. */
export interface Fault {
  /** From 1. */
  readonly line: number;
  /** From 0. */
  readonly column: number;
  readonly message: string;
}

/** Reads `$room:look` as a verb and `#5.name` as a property; nothing if it is neither. */
export function subjectOf(text: string): Subject | undefined {
  const found = /^\s*([^:]*?)\s*([:.])\s*(\S+)\s*$/.exec(text);
  const [, object, mark, name] = found ?? [];
  if (!object || !name) return undefined;
  return { kind: mark === ":" ? "verb" : "property", object, name };
}

/** As people write it. */
export function titleOf(subject: Subject): string {
  return `${subject.object}${subject.kind === "verb" ? ":" : "."}${subject.name}`;
}

/** The request for its text. */
export function fetching(subject: Subject): Fields {
  const { object, name } = subject;
  return subject.kind === "verb" ? { type: "Verb", object, verb: name } : { type: "Property", object, property: name };
}

/** The request that puts a text in place of the one with that mark. */
export function saving(subject: Subject, text: string, etag: string): Fields {
  const { object, name } = subject;
  return subject.kind === "verb"
    ? { type: "Program", object, verb: name, code: linesOf(text), if_match: etag }
    : { type: "UpdateProperty", object, property: name, literal: text.trim(), if_match: etag };
}

/** The text in an answer, or in what a refusal says of the text as it is now. */
export function versionOf(answer: Fields): Version {
  const text = Array.isArray(answer["code"]) ? stringsIn(answer, "code").join("\n") : laidOut(textIn(answer, "literal"));
  return { text, etag: textIn(answer, "etag") };
}

/** What is wrong with a program, from a refusal. */
export function faultsOf(refusal: Fields): readonly Fault[] {
  return objectsIn(refusal, "faults").map((fault) => ({
    line: numberIn(fault, "line") ?? 1,
    column: numberIn(fault, "column") ?? 0,
    message: textIn(fault, "message"),
  }));
}

/** A text's lines, without an empty one at the end. */
export function linesOf(text: string): string[] {
  const lines = text.split("\n");
  while (lines.at(-1)?.trim() === "") lines.pop();
  return lines;
}
