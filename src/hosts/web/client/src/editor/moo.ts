// The MOO language for the editor: what each word is, and how far a line is indented.
//
// Invariant: the reserved words are those of the compiler's lexer (`moo-lang/src/token.rs`), in any case. Colours and
// indents only help to read: what the compiler says is what holds.

import { StreamLanguage, type StreamParser, type StringStream } from "@codemirror/language";

const OPENING = /^(if|for|while|fork|try)$/;
const CLOSING = /^(endif|endfor|endwhile|endfork|endtry)$/;
const MIDDLE = /^(else|elseif|except|finally)$/;
const PLAIN = /^(return|break|continue|in|any)$/;
const GIVEN =
  /^(this|player|caller|verb|args|argstr|dobj|dobjstr|prepstr|iobj|iobjstr|int|num|float|str|list|obj|err|map|bool|true|false)$/i;

interface Place {
  /** Blocks that are open. */
  depth: number;
  /** Whether a comment goes on. */
  inComment: boolean;
  /** What stands before a name: `.`, `:` or `$`. */
  before: string;
}

/** The token that the stream is at, advanced past it. */
function token(stream: StringStream, place: Place): string | null {
  if (place.inComment) return restOfComment(stream, place);
  if (stream.eatSpace()) return null;
  if (stream.match("/*")) {
    place.inComment = true;
    return restOfComment(stream, place);
  }
  const before = place.before;
  place.before = "";
  if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) return "string";
  if (stream.match(/^#-?\d+/)) return "atom";
  if (stream.match(/^(?:\d+\.(?!\.)\d*|\.\d+|\d+)(?:e[+-]?\d+)?/i)) return "number";
  if (stream.match(/^[a-z_]\w*/i)) return word(stream, place, before);
  if (stream.match("..")) return "operator";
  const mark = stream.next() ?? "";
  if (".:$".includes(mark)) place.before = mark;
  return /[-+*/%^=<>!&|?@`']/.test(mark) ? "operator" : /[()[\]{}]/.test(mark) ? "bracket" : "punctuation";
}

function restOfComment(stream: StringStream, place: Place): string {
  if (stream.skipTo("*/")) {
    stream.match("*/");
    place.inComment = false;
  } else {
    stream.skipToEnd();
  }
  return "comment";
}

function word(stream: StringStream, place: Place, before: string): string {
  const text = stream.current().toLowerCase();
  if (before === "$") return "atom";
  if (before === ":") return "propertyName.function";
  if (before === ".") return "propertyName";
  if (OPENING.test(text)) place.depth++;
  if (CLOSING.test(text)) place.depth = Math.max(0, place.depth - 1);
  if (OPENING.test(text) || CLOSING.test(text) || MIDDLE.test(text) || PLAIN.test(text)) return "keyword";
  if (/^e_[a-z]+$/.test(text)) return "atom";
  if (GIVEN.test(text)) return "variableName.special";
  return stream.match(/^\s*\(/, false) ? "variableName.function" : "variableName";
}

/** The grammar as the editor asks for it. */
export const mooParser: StreamParser<Place> = {
  name: "moo",
  startState: () => ({ depth: 0, inComment: false, before: "" }),
  copyState: (place) => ({ ...place }),
  token,
  indent: (place, textAfter, context) => {
    const first = /^[a-z]+/i.exec(textAfter)?.[0].toLowerCase() ?? "";
    const closes = CLOSING.test(first) || MIDDLE.test(first) ? 1 : 0;
    return Math.max(0, place.depth - closes) * context.unit;
  },
  languageData: {
    commentTokens: { block: { open: "/*", close: "*/" } },
    closeBrackets: { brackets: ["(", "[", "{", '"'] },
    indentOnInput: /^\s*(else|elseif .*|except .*|finally|end\w+)$/,
  },
};

/** MOO, as an extension of the editor. */
export const moo = StreamLanguage.define(mooParser);
