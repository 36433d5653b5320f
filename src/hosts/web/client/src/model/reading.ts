// What the server tells, as what happens to the page's state.
//
// Invariant: total. A message of an unknown type or shape changes nothing; none can make the page fail.

import { type Fields, fieldsIn, listIn, numberIn, objectIn, objectsIn, stringsIn, textIn } from "../net/json";
import { placeIn } from "../net/place";
import { gameOf } from "./game";
import type { Action, Body, ConversationId, Me, News, Presence, Shown } from "./state";

/** What follows from an event. `now` stands in where the event does not say when it happened. */
export function actionsOf(event: Fields, me: Me | null, now: number): Action[] {
  switch (textIn(event, "type")) {
    case "RequestInput":
      return [{ type: "asked", question: questionOf(event) }];
    case "Presentation":
      return event["gone"] === true
        ? [{ type: "hide", id: textIn(event, "id") }]
        : [{ type: "show", shown: shownOf(event) }];
    case "GameState":
      return [{ type: "game", game: gameOf(event) }];
    case "Option":
      return textIn(event, "option") === "client-echo" ? [{ type: "echo", echo: isTrue(event["value"]) }] : [];
    case "Status":
      return [{ type: "holding", holding: textIn(event, "state") === "holding" }];
    default: {
      const news = newsOf(event, me, now);
      return news.length > 0 ? [{ type: "news", news }] : [];
    }
  }
}

/** What an event puts into the log. */
export function newsOf(event: Fields, me: Me | null, now: number): News[] {
  const place = placeIn(event);
  return toldBy(event, me, now).map((news) => ({ ...news, place }));
}

function toldBy(event: Fields, me: Me | null, now: number): News[] {
  const at = numberIn(event, "at") ?? now;
  const world = (body: Body): News => ({ body, conversation: "world", at, own: false });
  const notice = (text: string, tone: "quiet" | "warning"): News => world({ kind: "notice", text, tone });
  switch (textIn(event, "type")) {
    case "Narrative":
      return narrative(event).map(world);
    case "System":
    case "Notice":
      return [notice(textIn(event, "message"), "quiet")];
    case "Disconnect":
      return narrative(event).map(world);
    case "Gap":
      return [notice(`${numberIn(event, "lost") ?? "Some"} lines are lost: you were away too long.`, "warning")];
    case "DirectMessage":
    case "ChatRoomMessage":
    case "GlobalMessage":
      return said(event, me, at);
    default:
      return [];
  }
}

function isTrue(value: unknown): boolean {
  return value === true || (typeof value === "number" && value !== 0);
}

function narrative(event: Fields): Body[] {
  const html = textIn(event, "html");
  if (html !== "") return [{ kind: "rich", text: html }];
  const lines = objectsIn(event, "lines");
  if (lines.length === 0) {
    const text = textIn(event, "text");
    return text === "" ? [] : [{ kind: "text", text }];
  }
  const text = lines.map((line) => textIn(line, "text") + (line["no_newline"] === true ? "" : "\n")).join("");
  return [{ kind: "text", text: text.replace(/\n$/, "") }];
}

function said(event: Fields, me: Me | null, at: number): News[] {
  const id = textIn(fieldsIn(event, "from"), "id");
  const text = textIn(event, "message");
  if (id === "" || text === "") return [];
  const own = me !== null && (same(id, me.name) || id === me.id);
  const name = textIn(fieldsIn(event, "from"), "name") || id;
  return [{ body: { kind: "said", from: { id, name }, text }, conversation: conversationOf(event, own, id), at, own }];
}

function conversationOf(event: Fields, own: boolean, from: string): ConversationId {
  const to = textIn(fieldsIn(event, "to"), "id");
  switch (textIn(event, "type")) {
    case "ChatRoomMessage":
      return `room:${to}`;
    case "DirectMessage":
      return `user:${(own ? to : from).toLowerCase()}`;
    default:
      return "global";
  }
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function questionOf(event: Fields): { request: string; prompt: string; secret: boolean; choices: readonly string[] } {
  return {
    request: textIn(event, "request"),
    prompt: textIn(event, "prompt"),
    secret: event["echo"] === false || event["echo"] === 0,
    choices: stringsIn(event, "choices"),
  };
}

/** A presentation, from its event or from the list. */
export function shownOf(presentation: Fields): Shown {
  const content = presentation["html"] ?? presentation["content"];
  const attributes = fieldsIn(presentation, "attributes");
  return {
    id: textIn(presentation, "id"),
    title: textIn(attributes, "title") || textIn(presentation, "id"),
    target: textIn(presentation, "target"),
    isHtml: typeof presentation["html"] === "string",
    text: plainContent(content),
  };
}

function plainContent(content: unknown): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content) && content.every((line) => typeof line === "string")) return content.join("\n");
  return JSON.stringify(content, null, 2) ?? "";
}

/** Who is there, from the answer to `Presence`. */
export function presenceOf(answer: Fields): Presence {
  return {
    people: objectsIn(answer, "players").map((one) => ({
      id: objectIn(one, "player"),
      name: textIn(one, "name"),
      idleSeconds: numberIn(one, "idle_s") ?? 0,
      room: textIn(one, "room_name"),
      here: isTrue(one["here"]),
    })),
    channels: objectsIn(answer, "channels").map((one) => ({
      id: textIn(one, "id"),
      name: textIn(one, "name") || textIn(one, "id"),
      joined: isTrue(one["on"]),
    })),
  };
}

/** Who is logged in, from `Welcome` or `Player`. What it does not say is as before. */
export function meOf(message: Fields, before: Me | null): Me {
  const flags = stringsIn(message, "flags");
  const known = listIn(message, "flags").length > 0 || before === null;
  return {
    id: textIn(message, "player"),
    name: textIn(message, "name"),
    programmer: known ? flags.includes("programmer") || flags.includes("wizard") : before.programmer,
  };
}

/** The events of an answer to `History`, oldest first. */
export function pastOf(answer: Fields, me: Me | null): News[] {
  return objectsIn(answer, "events").flatMap((event) => newsOf(event, me, 0));
}
