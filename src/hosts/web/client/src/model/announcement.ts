// What a screen reader is told: the news, but not one's own words, and never more than can be listened to.
//
// Invariant: one text for each pause in the news; what is left out is counted in it.

import { plainText } from "../text/ansi";
import type { Entry } from "./state";

/** So many entries are read out at once; of the rest only the number. */
export const READ_OUT_MAX = 12;

/** The words for the entries that came since the last time; empty if none is to be read. */
export function announcementOf(entries: readonly Entry[]): string {
  const heard = entries.filter((entry) => !entry.own && entry.body.kind !== "typed");
  const spoken = heard.slice(-READ_OUT_MAX).map(words);
  const skipped = heard.length - spoken.length;
  if (skipped > 0) spoken.unshift(`${skipped} more.`);
  return spoken.join("\n").trim();
}

/** One entry as it is spoken. */
export function words(entry: Entry): string {
  const { body } = entry;
  const text = body.kind === "rich" ? withoutTags(body.text) : plainText(body.text).trim();
  return body.kind === "said" ? `${body.from.name}${placeOf(entry)}: ${text}` : text;
}

/** HTML as words; it is only read out, so nothing depends on its being exact. */
function withoutTags(html: string): string {
  const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', nbsp: " " };
  const text = html.replace(/<[^>]*>/g, " ").replace(/&(\w+);/g, (whole, name: string) => named[name] ?? whole);
  return text.replace(/\s+/g, " ").trim();
}

function placeOf(entry: Entry): string {
  if (entry.conversation.startsWith("room:")) return ` on ${entry.conversation.slice("room:".length)}`;
  return entry.conversation === "global" ? " to everybody" : " to you";
}
