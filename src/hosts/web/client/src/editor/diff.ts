// What differs between two texts, line by line.
//
// Invariant: the lines marked `same` and `old` are the old text, those marked `same` and `new` the new one, in order.

/** A line, and in which of the texts it stands. */
export interface DiffLine {
  readonly mark: "same" | "old" | "new";
  readonly text: string;
}

/** Beyond this many cells the middle is not compared but shown as replaced: a verb of 1,000 lines against another. */
const CELLS_MAX = 2_000_000;

/** The shortest way from one text to the other, in lines. */
export function diffLines(oldLines: readonly string[], newLines: readonly string[]): DiffLine[] {
  let start = 0;
  const shorter = Math.min(oldLines.length, newLines.length);
  while (start < shorter && oldLines[start] === newLines[start]) start++;
  let end = 0;
  while (end < shorter - start && oldLines.at(-1 - end) === newLines.at(-1 - end)) end++;
  const middle = between(
    oldLines.slice(start, oldLines.length - end),
    newLines.slice(start, newLines.length - end),
  );
  return [
    ...marked("same", oldLines.slice(0, start)),
    ...middle,
    ...marked("same", oldLines.slice(oldLines.length - end)),
  ];
}

/** Only what changed, with `around` lines of what stands about it; `null` where lines were left out. */
export function hunks(lines: readonly DiffLine[], around = 3): (DiffLine | null)[] {
  const near = (at: number): boolean =>
    lines.slice(Math.max(0, at - around), at + around + 1).some((line) => line.mark !== "same");
  const shown: (DiffLine | null)[] = [];
  lines.forEach((line, at) => {
    if (near(at)) shown.push(line);
    else if (shown.at(-1) !== null) shown.push(null);
  });
  return shown;
}

function marked(mark: DiffLine["mark"], lines: readonly string[]): DiffLine[] {
  return lines.map((text) => ({ mark, text }));
}

function between(from: readonly string[], to: readonly string[]): DiffLine[] {
  const width = to.length + 1;
  if (from.length * width > CELLS_MAX) return [...marked("old", from), ...marked("new", to)];
  const common = new Uint32Array((from.length + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = from.length - 1; row >= 0; row--) {
    for (let column = to.length - 1; column >= 0; column--) {
      common[row * width + column] =
        from[row] === to[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: DiffLine[] = [];
  let row = 0;
  let column = 0;
  while (row < from.length || column < to.length) {
    if (row < from.length && column < to.length && from[row] === to[column]) {
      lines.push({ mark: "same", text: from[row++] ?? "" });
      column++;
    } else if (row < from.length && (column === to.length || at(row + 1, column) >= at(row, column + 1))) {
      lines.push({ mark: "old", text: from[row++] ?? "" });
    } else {
      lines.push({ mark: "new", text: to[column++] ?? "" });
    }
  }
  return lines;
}
