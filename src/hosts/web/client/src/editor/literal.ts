// Values as they are written in MOO, laid out to be read.
//
// Invariant: only white space outside of strings is added, so the value stays the same.

/** So many characters are read easily in one line. */
const LINE_MAX = 72;

/** A long list or map with each of its items on a line of its own; anything else as it is. */
export function laidOut(literal: string): string {
  if (literal.length <= LINE_MAX || !/^[{[]/.test(literal)) return literal;
  const items = itemsOf(literal.slice(1, -1));
  const closing = literal.at(-1) ?? "";
  return `${literal[0]}\n${items.map((item) => `  ${item}`).join(",\n")}\n${closing}`;
}

/** What stands between the commas of the outermost level. */
function itemsOf(inside: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let from = 0;
  for (const { 0: token, index } of inside.matchAll(/"(?:[^"\\]|\\.)*"?|[{[(]|[}\])]|,/g)) {
    if ("{[(".includes(token)) depth++;
    else if ("}])".includes(token)) depth--;
    else if (token === "," && depth === 0) {
      items.push(inside.slice(from, index).trim());
      from = index + 1;
    }
  }
  items.push(inside.slice(from).trim());
  return items;
}
