// Making elements.
//
// Invariant: text only ever becomes text. Nothing here, or anywhere in the page, reads a string as HTML or as a script.

/** What an element is given: listeners as `onclick`, everything else as attributes; `false` and `null` are left out. */
export type Attributes = Readonly<Record<string, string | number | boolean | null | undefined | ((event: never) => void)>>;

/** What an element holds. */
export type Child = Node | string | null | undefined | false;

/** Makes an element. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...kept(children));
  return element;
}

/** Puts these in place of what an element holds. */
export function refill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...kept(children));
}

/** One of the page's drawings, of 24 x 24 units; it says nothing to a screen reader. */
export function icon(path: string): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [name, value] of [["viewBox", "0 0 24 24"], ["class", "icon"], ["aria-hidden", "true"]] as const) {
    svg.setAttribute(name, value);
  }
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** A button with a drawing, and words for whoever does not see it. */
export function iconButton(label: string, path: string, onclick: () => void, more: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick, ...more }, icon(path));
}

function kept(children: readonly Child[]): (Node | string)[] {
  return children.filter((child) => child !== null && child !== undefined && child !== false);
}
