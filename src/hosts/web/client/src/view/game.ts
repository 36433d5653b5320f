// A game in real time, above the field: the board, who plays, and the moves.
//
// Invariant: the board is drawn from the last state alone; it says nothing by itself to a screen reader, which would never
// stop talking, but can be asked at any time.

import { type Game, gameWords } from "../model/game";
import type { State } from "../model/state";
import { h, refill } from "./dom";

/** What the game tells the page. */
export interface GameHearer {
  act(game: string, payload: Readonly<Record<string, unknown>>): void;
  close(): void;
}

const KEYS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ArrowLeft: { move: "left" },
  ArrowRight: { move: "right" },
  " ": { shoot: 1 },
  ArrowUp: { shoot: 1 },
};

/** The panel. */
export class GamePanel {
  readonly #board = h("div", { class: "board", role: "img", tabindex: 0, onkeydown: (event: KeyboardEvent) => this.#key(event) });
  readonly #scores = h("p", { class: "scores" });
  readonly #moves = h("div", { class: "buttons" },
    h("button", { type: "button", onclick: () => this.#act({ move: "left" }) }, "Left"),
    h("button", { type: "button", class: "primary", onclick: () => this.#act({ shoot: 1 }) }, "Shoot"),
    h("button", { type: "button", onclick: () => this.#act({ move: "right" }) }, "Right"));
  readonly element = h("section", { class: "game", hidden: true, "aria-label": "Game" }, this.#board,
    h("div", { class: "bar" }, this.#scores, this.#moves,
      h("button", { type: "button", onclick: () => this.#leave() }, "Leave")));
  #game: Game | null = null;

  constructor(private readonly hearer: GameHearer) {}

  /** Shows what is. */
  show(now: State, before: State): void {
    if (now.game === before.game) return;
    this.#game = now.game;
    this.element.hidden = now.game === null;
    if (now.game === null) return;
    const me = now.me?.name ?? "";
    this.#moves.hidden = now.game.over;
    this.#board.style.setProperty("--stones", String(now.game.stones));
    this.#board.setAttribute("aria-label", gameWords(now.game, me));
    refill(this.#board, ...cellsOf(now.game, me));
    const scores = now.game.players.map(({ id, score }) => `${id} ${score}`).join(", ");
    const burns = `${now.game.burns} of ${now.game.burnsAllowed} burns`;
    this.#scores.textContent = now.game.over ? `The game is over. ${scores}` : `${scores}; ${burns}`;
  }

  #act(payload: Readonly<Record<string, unknown>>): void {
    if (this.#game !== null && !this.#game.over) this.hearer.act(this.#game.id, payload);
  }

  #leave(): void {
    this.#act({ leave: 1 });
    this.hearer.close();
  }

  #key(event: KeyboardEvent): void {
    const payload = KEYS[event.key];
    if (payload === undefined) return;
    event.preventDefault();
    this.#act(payload);
  }
}

/** The board's cells, from the highest row to the stones. */
function cellsOf(game: Game, me: string): HTMLElement[] {
  const cells: HTMLElement[] = [];
  for (let height = game.height; height >= 1; height--) {
    for (let stone = 1; stone <= game.stones; stone++) {
      const burning = game.sparks.some((spark) => spark.stone === stone && spark.height === height);
      cells.push(h("span", { class: burning ? "spark" : null }, burning ? "✦" : ""));
    }
  }
  for (let stone = 1; stone <= game.stones; stone++) {
    const here = game.players.filter((player) => player.stone === stone);
    const own = here.some(({ id }) => id === me);
    cells.push(h("span", { class: own ? "stone own" : "stone" }, own ? "●" : (here[0]?.id.slice(0, 1) ?? "")));
  }
  return cells;
}
