// The way in: name and password, a new character, or a visit as a guest.
//
// Invariant: a password is sent once and kept nowhere; what the world greets strangers with is shown as it came.

import type { Entrance } from "../model/entrance";
import { nodesOf } from "../text/rich";
import { h, refill } from "./dom";

/** Lets somebody in, or throws an error with the reason. */
export type Door = (entrance: Entrance) => Promise<void>;

/** The form. */
export class Login {
  readonly #greeting = h("div", { class: "greeting" });
  readonly #name = h("input", { id: "name", name: "username", autocomplete: "username", autocapitalize: "off", spellcheck: "false", required: true, maxlength: 64 });
  readonly #password = h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password" });
  readonly #error = h("p", { class: "error", id: "login-error" });
  readonly #buttons = [
    h("button", { type: "submit", class: "primary" }, "Log in"),
    h("button", { type: "button", onclick: () => this.#enter("create") }, "Create a character"),
    h("button", { type: "button", onclick: () => this.#enter("guest") }, "Look around as a guest"),
  ];
  readonly #form = h(
    "form",
    { "aria-describedby": "login-error", onsubmit: (event: Event) => { event.preventDefault(); this.#enter("login"); } },
    h("div", { class: "field" }, h("label", { for: "name" }, "Name"), this.#name),
    h("div", { class: "field" }, h("label", { for: "password" }, "Password"), this.#password),
    this.#error,
    h("div", { class: "buttons" }, ...this.#buttons),
  );
  readonly element = h("main", { class: "login" }, h("h1", {}, "Moothall"), this.#greeting, this.#form);

  constructor(
    private readonly door: Door,
    private readonly announce: (text: string) => void,
  ) {}

  /** Shows the world's greeting, as far as it has come. */
  greet(text: string): void {
    refill(this.#greeting, ...nodesOf(text.trim()));
  }

  /** Says why nobody was let in. */
  explain(reason: string): void {
    this.#error.textContent = reason;
    if (reason !== "") this.announce(reason);
  }

  /** Where one starts. */
  focus(): void {
    this.#name.focus();
  }

  #enter(by: Entrance["by"]): void {
    const name = this.#name.value.trim();
    if (by !== "guest" && name === "") {
      this.explain("Please write a name.");
      return this.#name.focus();
    }
    if (by === "create" && this.#password.value === "") {
      this.explain("A new character needs a password.");
      return this.#password.focus();
    }
    const entrance: Entrance = by === "guest" ? { by } : { by, name, password: this.#password.value };
    void this.#knock(entrance);
  }

  async #knock(entrance: Entrance): Promise<void> {
    this.explain("");
    this.#wait(true);
    try {
      await this.door(entrance);
      this.#password.value = "";
    } catch (error) {
      this.explain(error instanceof Error ? error.message : String(error));
      this.#password.select();
    } finally {
      this.#wait(false);
    }
  }

  #wait(waiting: boolean): void {
    this.#form.toggleAttribute("aria-busy", waiting);
    for (const button of this.#buttons) button.disabled = waiting;
  }
}
