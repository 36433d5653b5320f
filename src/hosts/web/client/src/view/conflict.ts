// What to do when somebody else has changed what one is about to save.
//
// Invariant: nothing is thrown away without a choice; until then the text in the editor stays as it is.

import { diffLines, hunks } from "../editor/diff";
import { linesOf } from "../editor/subject";
import { h } from "./dom";

/** The choice. */
export type Choice = "mine" | "theirs" | "later";

const MARKS = { same: " ", old: "−", new: "+" } as const;
const WORDS = { same: "", old: "theirs: ", new: "yours: " } as const;

/** Shows in what the two texts differ, and asks which one is to hold. */
export function askWhich(title: string, theirs: string, mine: string): Promise<Choice> {
  return new Promise((resolve) => {
    const choose = (choice: Choice) => () => {
      dialog.close(choice);
    };
    const dialog = h(
      "dialog",
      { class: "conflict", "aria-labelledby": "conflict-title" },
      h("h2", { id: "conflict-title" }, `${title} was changed by somebody else`),
      h("p", {}, "Since you opened it, it has become another text on the server. This is the way from theirs to yours:"),
      differences(theirs, mine),
      h("div", { class: "buttons" },
        h("button", { type: "button", onclick: choose("later"), autofocus: true }, "Go on editing"),
        h("button", { type: "button", onclick: choose("theirs") }, "Take theirs"),
        h("button", { type: "button", class: "primary", onclick: choose("mine") }, "Save mine over it")),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "mine" || dialog.returnValue === "theirs" ? dialog.returnValue : "later");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function differences(theirs: string, mine: string): HTMLElement {
  const lines = hunks(diffLines(linesOf(theirs), linesOf(mine)));
  const shown = lines.map((line) =>
    line === null
      ? h("div", { class: "left-out" }, "…")
      : h("div", { class: line.mark }, h("span", { "aria-hidden": "true" }, `${MARKS[line.mark]} `), h("span", { class: "hidden" }, WORDS[line.mark]), line.text),
  );
  return h("div", { class: "differences", tabindex: 0, role: "region", "aria-label": "Differences" }, ...shown);
}
