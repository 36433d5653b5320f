// The state of a game in real time, as the world tells it.
//
// Invariant: whatever a world sends, stones and sparks lie on the board.

import { type Fields, listIn, numberIn, objectsIn, textIn } from "../net/json";

/** Somebody who plays. */
export interface Player {
  readonly id: string;
  /** From 1. */
  readonly stone: number;
  readonly score: number;
}

/** A spark: over which stone, and how far above it. */
export interface Spark {
  readonly stone: number;
  readonly height: number;
}

/** Everything there is to see. */
export interface Game {
  readonly id: string;
  readonly stones: number;
  readonly height: number;
  readonly sparks: readonly Spark[];
  readonly players: readonly Player[];
  readonly burns: number;
  readonly burnsAllowed: number;
  readonly over: boolean;
}

/** The largest board that is drawn. */
const SIDE_MAX = 40;

/** The game in a `GameState`. */
export function gameOf(state: Fields): Game {
  const side = (name: string): number => Math.min(SIDE_MAX, Math.max(1, numberIn(state, name) ?? 1));
  const stones = side("stones");
  const height = side("height");
  const isOn = (stone: number): boolean => stone >= 1 && stone <= stones;
  return {
    id: textIn(state, "game"),
    stones,
    height,
    sparks: listIn(state, "sparks").flatMap(sparkOf).filter((spark) => isOn(spark.stone) && spark.height <= height),
    players: objectsIn(state, "players").map(playerOf).filter(({ stone }) => isOn(stone)),
    burns: numberIn(state, "burns") ?? 0,
    burnsAllowed: numberIn(state, "burns_allowed") ?? 0,
    over: state["over"] === 1 || state["over"] === true,
  };
}

/** The game in words, for whoever does not see the board. */
export function gameWords(game: Game, me: string): string {
  const own = game.players.find(({ id }) => id === me);
  const sparks = game.sparks.map(({ stone, height }) => `stone ${stone}, ${height} high`);
  const standing = own === undefined ? "You do not play." : `You stand on stone ${own.stone} of ${game.stones}.`;
  return `${standing} Sparks: ${sparks.join("; ") || "none"}. Burns: ${game.burns} of ${game.burnsAllowed}.`;
}

function sparkOf(item: unknown): Spark[] {
  if (!Array.isArray(item)) return [];
  const [stone, height] = item as unknown[];
  return typeof stone === "number" && typeof height === "number" ? [{ stone, height }] : [];
}

function playerOf(player: Fields): Player {
  return { id: textIn(player, "id"), stone: numberIn(player, "stone") ?? 0, score: numberIn(player, "score") ?? 0 };
}
