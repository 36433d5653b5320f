// What a person chose about the page, kept in the browser.
//
// Invariant: a browser that keeps nothing (a private window, storage that is full) costs the choice, never the page.

/** The choices. */
export interface Settings {
  readonly theme: "system" | "light" | "dark";
  /** All of the log in letters of one width, not only what stands in columns. */
  readonly fixedWidth: boolean;
  readonly notifications: boolean;
}

const KEY = "moothall.settings";
const USUAL: Settings = { theme: "system", fixedWidth: false, notifications: false };

/** The choices as they were made last, or as usual. */
export function loadSettings(): Settings {
  const kept = recall<Partial<Settings>>(localStorage, KEY) ?? {};
  return {
    theme: kept.theme === "light" || kept.theme === "dark" ? kept.theme : USUAL.theme,
    fixedWidth: kept.fixedWidth === true,
    notifications: kept.notifications === true,
  };
}

/** Keeps the choices, and lets the page have them. */
export function applySettings(settings: Settings): void {
  keep(localStorage, KEY, settings);
  const root = document.documentElement;
  if (settings.theme === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = settings.theme;
  root.dataset["letters"] = settings.fixedWidth ? "fixed" : "prose";
}

/** What was kept under a name. */
export function recall<T>(storage: Storage, key: string): T | undefined {
  try {
    const text = storage.getItem(key);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

/** Keeps something under a name; `undefined` forgets it. */
export function keep(storage: Storage, key: string, value: unknown): void {
  try {
    if (value === undefined) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
  } catch {
    // The browser keeps nothing: the page works without.
  }
}
