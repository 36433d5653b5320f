// Rich text of the world, built anew from a few harmless elements.
//
// Invariant: what is put on the page was made here, element by element, from the list below; of the attributes only
// addresses and spans of table cells are carried over. The server has sanitized it before: this is the second wall.

import { safeAddress } from "./links";

/** What an element becomes; those that are not named are left out and their children stay. */
const BECOMES: Readonly<Record<string, keyof HTMLElementTagNameMap>> = {
  p: "p", br: "br", hr: "hr", div: "div", span: "span", blockquote: "blockquote", pre: "pre", code: "code",
  b: "b", strong: "strong", i: "i", em: "em", u: "u", s: "s", del: "del", ins: "ins", small: "small", mark: "mark",
  sub: "sub", sup: "sup", kbd: "kbd", q: "q", cite: "cite", abbr: "abbr",
  ul: "ul", ol: "ol", li: "li", dl: "dl", dt: "dt", dd: "dd",
  h1: "h3", h2: "h3", h3: "h3", h4: "h4", h5: "h5", h6: "h6",
  table: "table", caption: "caption", thead: "thead", tbody: "tbody", tfoot: "tfoot", tr: "tr", th: "th", td: "td",
  a: "a",
};

/** Elements that go with all they hold. */
const DROPPED = ["script", "style", "template", "iframe", "object", "embed", "svg", "math", "form", "head", "title", "noscript"];

const DEPTH_MAX = 32;
const NODES_MAX = 5_000;

/** The content of a piece of HTML, fit to be shown. Reading it runs nothing and loads nothing. */
export function safeContent(html: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const body = new DOMParser().parseFromString(html, "text/html").body;
  const budget = { nodes: NODES_MAX };
  copy(body, fragment, 0, budget);
  return fragment;
}

function copy(from: Node, into: Node, depth: number, budget: { nodes: number }): void {
  for (const child of from.childNodes) {
    if (budget.nodes-- <= 0 || depth > DEPTH_MAX) return;
    if (child.nodeType === Node.TEXT_NODE) {
      into.appendChild(document.createTextNode(child.nodeValue ?? ""));
    } else if (child.nodeType === Node.ELEMENT_NODE) {
      copyElement(child as Element, into, depth, budget);
    }
  }
}

function copyElement(element: Element, into: Node, depth: number, budget: { nodes: number }): void {
  const name = element.localName;
  if (DROPPED.includes(name)) return;
  if (name === "img") {
    into.appendChild(document.createTextNode(element.getAttribute("alt") ?? ""));
    return;
  }
  const tag = Object.hasOwn(BECOMES, name) ? BECOMES[name] : undefined;
  if (tag === undefined) return copy(element, into, depth + 1, budget);
  const made = document.createElement(tag);
  if (made instanceof HTMLAnchorElement) leadTo(made, element.getAttribute("href") ?? "");
  for (const span of ["colspan", "rowspan"]) {
    const value = element.getAttribute(span);
    if (value !== null && /^\d{1,2}$/.test(value)) made.setAttribute(span, value);
  }
  into.appendChild(made);
  copy(element, made, depth + 1, budget);
}

/** Makes a link that opens beside the page and tells nobody where it was. */
export function leadTo(link: HTMLAnchorElement, address: string): void {
  const href = safeAddress(address);
  if (href === undefined) return;
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
}
