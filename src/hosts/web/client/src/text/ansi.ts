// Text with terminal colours, taken apart into spans of one style each.
//
// Invariant: the text of all spans together is the line without its control sequences. Whatever is not understood is
// left out, so no control character ever reaches the page.

/** A colour: a place in the terminal's palette of 256, or red, green and blue. */
export type Colour = number | readonly [number, number, number];

/** How a span looks. What is not set is as the page has it. */
export interface Style {
  readonly fore?: Colour;
  readonly back?: Colour;
  readonly bold?: boolean;
  readonly faint?: boolean;
  readonly italic?: boolean;
  readonly underline?: boolean;
  readonly strike?: boolean;
  readonly inverse?: boolean;
}

/** A run of text in one style; `href` if the world made it a link (OSC 8). */
export interface Span {
  readonly text: string;
  readonly style: Style;
  readonly href?: string;
}

const PLAIN: Style = {};

// CSI with its parameters and final byte; OSC up to BEL or ST; any other escape with one byte; a lone control character.
const SEQUENCE =
  // eslint-disable-next-line no-control-regex
  /\x1b\[([0-9:;<=>?]*)[ -/]*([@-~])|\x1b\]([^\x07\x1b]*)(?:\x07|\x1b\\)|\x1b[@-Z\\^_]?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f\x80-\x9f]/g;

/** Takes a line, or several, apart. The style at the end is not carried into the next text. */
export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let style = PLAIN;
  let href: string | undefined;
  let from = 0;
  const take = (to: number): void => {
    if (to > from) spans.push(span(text.slice(from, to), style, href));
  };
  for (const found of text.matchAll(SEQUENCE)) {
    take(found.index);
    from = found.index + found[0].length;
    if (found[2] === "m") style = restyled(style, found[1] ?? "");
    if (found[3]?.startsWith("8;")) href = linkTarget(found[3]);
  }
  take(text.length);
  return spans;
}

/** The text as it would be read aloud: without colours. */
export function plainText(text: string): string {
  return text.replace(SEQUENCE, "");
}

function span(text: string, style: Style, href: string | undefined): Span {
  return href === undefined ? { text, style } : { text, style, href };
}

/** The address in `8;parameters;address`; none if it is empty, which ends a link. */
function linkTarget(body: string): string | undefined {
  const address = body.slice(body.indexOf(";", 2) + 1);
  return address === "" ? undefined : address;
}

/** The style after a "select graphic rendition". */
function restyled(before: Style, parameters: string): Style {
  let style = before;
  // Sub-parameters after colons mean what the same numbers mean after semicolons, but for an empty colour space.
  const numbers = parameters.replace(/([34]8:2):(?=:|\d*:\d+:\d+:\d+)/g, "$1").split(/[;:]/).map(Number);
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at] ?? 0;
    if (code === 38 || code === 48) {
      const [colour, used] = extendedColour(numbers.slice(at + 1));
      at += used;
      if (colour !== undefined) style = { ...style, [code === 38 ? "fore" : "back"]: colour };
    } else {
      style = applied(style, code);
    }
  }
  return style;
}

function extendedColour(rest: readonly number[]): [Colour | undefined, number] {
  const byte = (n: number | undefined): number => Math.min(255, Math.max(0, n ?? 0)) || 0;
  if (rest[0] === 5) return [byte(rest[1]), 2];
  if (rest[0] === 2) return [[byte(rest[1]), byte(rest[2]), byte(rest[3])], 4];
  return [undefined, rest.length];
}

const SWITCHES: Readonly<Record<number, Style>> = {
  1: { bold: true },
  2: { faint: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
  21: { underline: true },
  22: { bold: false, faint: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { strike: false },
};

function applied(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code >= 30 && code <= 37) return { ...style, fore: code - 30 };
  if (code >= 90 && code <= 97) return { ...style, fore: code - 82 };
  if (code >= 40 && code <= 47) return { ...style, back: code - 40 };
  if (code >= 100 && code <= 107) return { ...style, back: code - 92 };
  if (code === 39) return without(style, "fore");
  if (code === 49) return without(style, "back");
  return { ...style, ...SWITCHES[code] };
}

function without(style: Style, name: "fore" | "back"): Style {
  const { [name]: _dropped, ...rest } = style;
  return rest;
}
