// The lines that were sent, and the one being written: going back through the first never loses the second.
//
// Invariant: what was typed is only forgotten by sending it. An old line that was changed while looking at it keeps its
// change until then, beside the line as it was sent.

/** How many sent lines are kept. */
export const LINES_MAX = 500;

/** What is kept between visits. */
export interface Kept {
  readonly sent: readonly string[];
  readonly draft: string;
}

/** The history of one input field. */
export class History {
  #sent: string[];
  /** The text at each place that differs from what was sent there; at the end, the draft. */
  #changed = new Map<number, string>();
  #place: number;

  constructor(kept: Kept = { sent: [], draft: "" }) {
    this.#sent = kept.sent.slice(-LINES_MAX);
    this.#place = this.#sent.length;
    this.edit(kept.draft);
  }

  /** The text that belongs in the field. */
  get text(): string {
    return this.#changed.get(this.#place) ?? this.#sent[this.#place] ?? "";
  }

  /** Whether the field shows a line that was sent before. */
  get looksBack(): boolean {
    return this.#place < this.#sent.length;
  }

  /** The field has this text now. */
  edit(text: string): void {
    if (text === (this.#sent[this.#place] ?? "")) this.#changed.delete(this.#place);
    else this.#changed.set(this.#place, text);
  }

  /** One older; of those that begin with `prefix`, if it is given. Answers whether there was one. */
  older(prefix = ""): boolean {
    return this.#go(-1, prefix);
  }

  /** One newer; after the last sent line comes the draft. */
  newer(prefix = ""): boolean {
    return this.#go(1, prefix);
  }

  /** The text was sent. A draft that was set aside to look back stays for next time. */
  send(text: string, secret = false): void {
    const draft = this.looksBack ? this.#changed.get(this.#sent.length) : undefined;
    if (!secret && text.trim() !== "" && text !== this.#sent.at(-1)) this.#sent.push(text);
    this.#sent = this.#sent.slice(-LINES_MAX);
    this.#changed.clear();
    this.#place = this.#sent.length;
    if (draft !== undefined) this.edit(draft);
  }

  /** What to keep for the next visit. */
  kept(): Kept {
    const draft = this.#changed.get(this.#sent.length) ?? "";
    return { sent: [...this.#sent], draft: this.looksBack && draft === "" ? this.text : draft };
  }

  #go(step: 1 | -1, prefix: string): boolean {
    for (let place = this.#place + step; place >= 0 && place <= this.#sent.length; place += step) {
      const atEnd = place === this.#sent.length;
      if (atEnd || (this.#changed.get(place) ?? this.#sent[place] ?? "").startsWith(prefix)) {
        this.#place = place;
        return true;
      }
    }
    return false;
  }
}
