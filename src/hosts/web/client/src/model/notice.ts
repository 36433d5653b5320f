// What is worth calling somebody back to the page for.
//
// Invariant: never for one's own words, and never for what the person has before their eyes.

import { plainText } from "../text/ansi";
import { type Entry, type State, standsIn } from "./state";

/** A notification: its title and its text, and the tag that the next one of the same conversation replaces it by. */
export interface Notice {
  readonly title: string;
  readonly text: string;
  readonly tag: string;
}

const TEXT_MAX = 180;

/** The notification for an entry, if it calls for one: a direct message, or one's name in what somebody said. */
export function noticeOf(entry: Entry, state: State, pageVisible: boolean): Notice | undefined {
  const seen = pageVisible && state.attending && standsIn(entry, state.current);
  if (entry.own || seen || entry.body.kind === "typed" || entry.body.kind === "notice") return undefined;
  const text = plainText(entry.body.text).trim();
  const direct = entry.conversation.startsWith("user:");
  if (!direct && !(state.me !== null && names(text, state.me.name))) return undefined;
  const title = entry.body.kind === "said" ? entry.body.from.name : "Your name was said";
  return { title, text: shortened(text), tag: entry.conversation };
}

/** Whether a text has the name as a word of its own. */
export function names(text: string, name: string): boolean {
  if (name === "") return false;
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, "iu").test(text);
}

function shortened(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 1)}…` : text;
}
