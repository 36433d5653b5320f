// The settings, the keys, and where one is logged in: one dialog.
//
// Invariant: a choice holds as soon as it is made; closing the dialog gives the focus back.

import { type Fields, numberIn, objectsIn, textIn } from "../net/json";
import { applySettings, type Settings } from "../settings";
import { h, iconButton, refill } from "./dom";
import { idleWords } from "./company";
import { ICONS } from "./icons";

/** What the dialog tells the page. */
export interface SettingsHearer {
  changed(settings: Settings): void;
  sessions(): Promise<Fields>;
  logoutEverywhere(): void;
}

const KEYS: readonly (readonly [string, string])[] = [
  ["Enter", "send; Shift and Enter begins a new line"],
  ["Up, Down", "through what you sent; your draft waits at the end"],
  ["Alt Up, Alt Down", "through what you sent that begins alike"],
  ["Page Up, Page Down", "turn the log while you write"],
  ["Escape", "back to the draft, back to the field, or close what is open"],
  ["Alt 1 to Alt 9", "to a conversation, in the order of the list"],
  ["Ctrl S", "save, in the editor"],
];

/** The dialog. */
export class SettingsDialog {
  readonly #sessions = h("div", { class: "sessions" });
  readonly element = h("dialog", { class: "settings", "aria-labelledby": "settings-title" });
  #settings: Settings;

  constructor(
    private readonly hearer: SettingsHearer,
    settings: Settings,
  ) {
    this.#settings = settings;
    const close = iconButton("Close", ICONS.close, () => this.element.close());
    refill(
      this.element,
      h("div", { class: "bar" }, h("h2", { id: "settings-title" }, "Settings"), close),
      this.#themes(),
      this.#switch("fixedWidth", "Letters of one width in all of the log"),
      this.#switch("notifications", "Call me when somebody writes to me or says my name"),
      h("h3", {}, "Keys"),
      h("dl", { class: "keys" }, ...KEYS.flatMap(([key, does]) => [h("dt", {}, key), h("dd", {}, does)])),
      h("h3", {}, "Where you are logged in"),
      this.#sessions,
      h("button", { type: "button", onclick: () => this.hearer.logoutEverywhere() }, "Log out everywhere"),
    );
  }

  /** Opens it. */
  open(): void {
    this.element.showModal();
    refill(this.#sessions, "…");
    this.hearer.sessions().then(
      (answer) => refill(this.#sessions, h("ul", {}, ...objectsIn(answer, "sessions").map(sessionOf))),
      (error: Error) => refill(this.#sessions, error.message),
    );
  }

  #themes(): HTMLElement {
    const choice = (theme: Settings["theme"], words: string): HTMLElement =>
      h("label", {}, h("input", {
        type: "radio", name: "theme", value: theme, checked: this.#settings.theme === theme,
        onchange: () => this.#choose({ theme }),
      }), words);
    return h("fieldset", {}, h("legend", {}, "Colours"), choice("system", "As the system"), choice("light", "Light"), choice("dark", "Dark"));
  }

  #switch(name: "fixedWidth" | "notifications", words: string): HTMLElement {
    const box = h("input", { type: "checkbox", checked: this.#settings[name], onchange: () => this.#choose({ [name]: box.checked }) });
    return h("label", { class: "switch" }, box, words);
  }

  #choose(choice: Partial<Settings>): void {
    this.#settings = { ...this.#settings, ...choice };
    applySettings(this.#settings);
    this.hearer.changed(this.#settings);
  }
}

/** A connection of the player's in words. */
function sessionOf(session: Fields): HTMLElement {
  const words = [
    textIn(session, "host") || "a client",
    textIn(session, "address") && `from ${textIn(session, "address")}`,
    session["current"] === true ? "this one" : idleWords(numberIn(session, "idle_s") ?? 0),
    session["lingering"] === true && "without a connection",
  ];
  return h("li", {}, words.filter(Boolean).join(", "));
}
