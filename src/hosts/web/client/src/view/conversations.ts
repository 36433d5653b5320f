// The list of conversations: the world, the rooms of talk, everybody, and people one talks to.
//
// Invariant: every conversation of the state is in it once, and every room of talk that the world has.

import type { Channel, Conversation, ConversationId, State } from "../model/state";
import { h, icon, refill } from "./dom";
import { ICONS } from "./icons";

/** What the list tells the page. */
export interface ConversationsHearer {
  look(at: ConversationId, name: string): void;
  close(id: ConversationId): void;
  join(channel: Channel): void;
}

/** The list. */
export class Conversations {
  readonly #lists = h("div", {});
  readonly element = h("nav", { class: "side", id: "conversations", "aria-label": "Conversations" }, this.#lists);

  constructor(private readonly hearer: ConversationsHearer) {}

  /** Shows what is. */
  show(now: State, before: State): void {
    const same =
      now.conversations === before.conversations && now.current === before.current && now.presence === before.presence;
    if (same && this.#lists.childElementCount > 0) return;
    const focused = this.#lists.contains(document.activeElement) ? document.activeElement?.getAttribute("data-id") : null;
    const rooms = roomsOf(now);
    const people = now.conversations.filter(({ id }) => id.startsWith("user:"));
    refill(
      this.#lists,
      list("", now.conversations.filter(({ id }) => id === "world").map((one) => this.#item(one, now))),
      list("Rooms", rooms.map((one) => this.#room(one, now))),
      people.length > 0 && list("Messages", people.map((one) => this.#item(one, now))),
    );
    if (focused !== null) this.#lists.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused ?? "")}"]`)?.focus();
  }

  #room({ conversation, channel }: Room, now: State): HTMLElement {
    if (channel !== undefined && !channel.joined) {
      const join = h("button", { type: "button", class: "join", onclick: () => this.hearer.join(channel), "aria-label": `Join ${channel.name}` }, "Join");
      return h("li", {}, h("span", { class: "absent" }, channel.name), join);
    }
    return this.#item(conversation, now);
  }

  #item({ id, name, unread }: Conversation, now: State): HTMLElement {
    const current = id === now.current;
    const mark = unread > 0 && h("span", { class: "unread" }, String(unread), h("span", { class: "hidden" }, " unread"));
    const open = h("button", {
      type: "button", "data-id": id, "aria-current": current ? "true" : null, onclick: () => this.hearer.look(id, name),
    }, h("span", { class: "name" }, name), mark);
    const close = id.startsWith("user:") && h("button", {
      type: "button", class: "quiet close", "aria-label": `Close the conversation with ${name}`, onclick: () => this.hearer.close(id),
    }, icon(ICONS.close));
    return h("li", { class: unread > 0 ? "news" : null }, open, close);
  }
}

interface Room {
  readonly conversation: Conversation;
  readonly channel: Channel | undefined;
}

/** The rooms that the world names, then those that only were heard of, then everybody. */
function roomsOf({ conversations, presence }: State): readonly Room[] {
  const known = (id: ConversationId, name: string): Conversation =>
    conversations.find((one) => one.id === id) ?? { id, name, unread: 0 };
  const named = presence.channels.map((channel) => ({ conversation: known(`room:${channel.id}`, channel.name), channel }));
  const heard = conversations
    .filter(({ id }) => id.startsWith("room:") && !named.some(({ conversation }) => conversation.id === id))
    .map((conversation) => ({ conversation, channel: undefined }));
  return [...named, ...heard, { conversation: known("global", "Everybody"), channel: undefined }];
}

function list(title: string, items: readonly HTMLElement[]): HTMLElement {
  return h("section", {}, title !== "" && h("h2", {}, title), h("ul", {}, ...items));
}
