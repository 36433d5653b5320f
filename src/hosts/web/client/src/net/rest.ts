// The few things that are asked over plain HTTP: to be let in, and who the cookie says one is.
//
// Invariant: a refusal is an error with words for people; nothing here keeps a password.

import { type Fields, parsed, textIn } from "./json";
import type { Entrance } from "../model/entrance";
import { Refusal } from "./session";

/** Lets somebody in, and answers with the token to attach with. The cookie is set besides. */
export async function enter(entrance: Entrance): Promise<{ token: string }> {
  const { by, ...rest } = entrance;
  const wish = by === "login" ? rest : { ...rest, [by]: true };
  const answer = await post("/v1/login", wish);
  return { token: textIn(answer, "token") };
}

/** Whose the cookie is; nobody's, if there is none that holds. */
export async function whoAmI(): Promise<string | undefined> {
  const response = await fetch("/v1/me", { credentials: "same-origin" }).catch(() => undefined);
  if (response === undefined || !response.ok) return undefined;
  return textIn(parsed(await response.text()) ?? {}, "name") || undefined;
}

/** Forgets the cookie. */
export async function forget(): Promise<void> {
  await post("/v1/logout", {}).catch(() => undefined);
}

async function post(path: string, body: unknown): Promise<Fields> {
  const response = await fetch(path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Refusal("OFFLINE", "The server cannot be reached.");
  });
  const answer = parsed(await response.text()) ?? {};
  if (response.ok) return answer;
  throw new Refusal(textIn(answer, "code"), textIn(answer, "message") || `The server answered ${response.status}.`, answer);
}
