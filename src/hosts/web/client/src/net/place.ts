// Places in a stream of events.

import { type Fields, numberIn } from "./json";

/** A place: its era, and the number in it. */
export interface Place {
  readonly era: number;
  readonly seq: number;
}

/** The place in a field called `pos`. */
export function placeIn(message: Fields): Place | undefined {
  const pos = message["pos"];
  if (typeof pos !== "object" || pos === null) return undefined;
  const era = numberIn(pos as Fields, "era");
  const seq = numberIn(pos as Fields, "seq");
  return era === undefined || seq === undefined ? undefined : { era, seq };
}

/** Whether one comes after the other. Another era starts anew, so it always does. */
export function isAfter(one: Place, other: Place): boolean {
  return one.era !== other.era ? one.era > other.era : one.seq > other.seq;
}
