// Addresses in plain text.
//
// Invariant: the pieces put together are the text; only http and https addresses are links.

/** A piece of text, and where it leads if it is an address. */
export interface Piece {
  readonly text: string;
  readonly href?: string;
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\u0000-\u001f]+/gi;

/** Cuts text into what is an address and what is not. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = trimmed(found[0]);
    const href = safeAddress(address);
    if (href === undefined) continue;
    if (found.index > from) pieces.push({ text: text.slice(from, found.index) });
    pieces.push({ text: address, href });
    from = found.index + address.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

/** The address in full if a click on it can do no harm; it never is `javascript:` or the like. */
export function safeAddress(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
}

/** Without the punctuation of the sentence around it; a closing bracket stays if the address opened it. */
function trimmed(address: string): string {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1] ?? "";
    const body = address.slice(0, end - 1);
    const opening = { ")": "(", "]": "[", "}": "{" }[last];
    const closesNothing = opening !== undefined && count(body, opening) <= count(body, last);
    if (!closesNothing && !/[.,;:!?*_~]/.test(last)) break;
    end--;
  }
  return address.slice(0, end);
}

function count(text: string, mark: string): number {
  return text.split(mark).length - 1;
}
