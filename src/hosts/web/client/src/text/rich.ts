// A text of the world as nodes of the page: coloured spans, with links.
//
// Invariant: every character is put in as text; colours are set as properties, which the page's content security policy
// allows, and are legible on light and on dark.

import { type Span, spansOf, type Style } from "./ansi";
import { cssOf, DARK, LIGHT, onPage } from "./colour";
import { leadTo } from "./html";
import { piecesOf } from "./links";

const DECORATIONS: readonly (keyof Style)[] = ["bold", "faint", "italic", "underline", "strike"];

/** The nodes of a text, which may have several lines. */
export function nodesOf(text: string): Node[] {
  return spansOf(text).flatMap(nodesOfSpan);
}

/** Whether a text stands in columns, or is a drawing, and wants letters of one width. */
export function isAligned(text: string): boolean {
  const lines = text.split("\n");
  const drawn = /[\u2500-\u259f]|[+|][-=]{3,}|[-=_*]{6,}|[/\\|_]{3,}/;
  const columns = lines.filter((line) => /\S {3,}\S/.test(line) || drawn.test(line)).length;
  return columns >= 1 && columns * 2 >= lines.filter((line) => line.trim() !== "").length;
}

function nodesOfSpan(span: Span): Node[] {
  const inner = span.href === undefined ? piecesOf(span.text).map(nodeOfPiece) : [linkOf(span.text, span.href)];
  if (Object.keys(span.style).length === 0) return inner;
  const element = document.createElement("span");
  element.append(...inner);
  const looks = DECORATIONS.filter((name) => span.style[name] === true);
  if (looks.length > 0) element.className = looks.join(" ");
  paint(element, span.style);
  return [element];
}

function nodeOfPiece(piece: { text: string; href?: string }): Node {
  return piece.href === undefined ? document.createTextNode(piece.text) : linkOf(piece.text, piece.href);
}

function linkOf(text: string, href: string): HTMLElement {
  const link = document.createElement("a");
  link.textContent = text;
  leadTo(link, href);
  return link;
}

function paint(element: HTMLElement, style: Style): void {
  const light = onPage(style, LIGHT);
  const dark = onPage(style, DARK);
  if (light.fore && dark.fore) element.style.color = `light-dark(${cssOf(light.fore)}, ${cssOf(dark.fore)})`;
  if (light.back && dark.back) element.style.backgroundColor = `light-dark(${cssOf(light.back)}, ${cssOf(dark.back)})`;
}
