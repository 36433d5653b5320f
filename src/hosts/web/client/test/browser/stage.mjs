// What the scenes stand on: a browser, pictures, a look at accessibility, and a player at a terminal.

import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

/** So long anything may take. */
export const PATIENCE_MS = 20_000;

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Nothing that makes the browser speak to anybody but the server under test.
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Starts the browser, and answers it with the function that ends it. */
export async function startBrowser(executablePath) {
  const profile = await mkdtemp(join(tmpdir(), "browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath, args: FLAGS, viewport: { width: 1280, height: 800 }, colorScheme: "light",
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const end = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  return { context, end };
}

/** Opens a page that fails the run if a script fails or the content security policy is broken. */
export async function openPage(context, address) {
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`${error.message}\n${error.stack}`));
  page.on("console", (message) => {
    if (message.text().startsWith("policy:")) faults.push(message.text());
  });
  await page.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, sourceFile, lineNumber, sample }) => {
      // Typing over marked text, the browser itself would keep its style in an attribute; the editor wants none of it.
      if (violatedDirective === "style-src-attr" && sourceFile === "") return;
      console.log(`policy: ${violatedDirective} ${sourceFile}:${lineNumber} ${sample}`);
    }),
  );
  await page.goto(address);
  return { page, faults };
}

/** Takes pictures, light and dark, and looks for what keeps people out. */
export function camera(folder) {
  const violations = [];
  return {
    violations,
    async look(page, name) {
      await mkdir(folder, { recursive: true });
      for (const colorScheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme });
        // What is still fading in has not its colours yet.
        await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)).then(() => {}));
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
        violations.push(...(await violationsOf(page)).map((words) => `${name}, ${colorScheme}: ${words}`));
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (overflow > 0) violations.push(`${name}: ${overflow} pixels stick out at the side`);
    },
  };
}

/** The serious and critical findings of axe-core. */
async function violationsOf(page) {
  // In a scope of its own, where it finds no module system; an evaluated text is not held to the page's policy.
  const { violations } = await page.evaluate(`(() => { const module = undefined; ${AXE}; return axe.run(); })()`);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ impact, id, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
}

/** A player at a terminal. */
export class Terminal {
  #socket;
  #heard = "";
  #wake = () => {};

  constructor(port) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (bytes) => {
      // Telnet's own commands are three bytes each here, and nobody answers them.
      this.#heard += Buffer.from(bytes).toString("latin1").replace(/\xff[\xfb-\xfe]./gs, "");
      this.#wake();
    });
    this.#socket.on("error", () => this.#wake());
  }

  /** Types a line. */
  send(line) {
    this.#socket.write(`${line}\r\n`);
  }

  /** Waits for words, and forgets what was heard up to them. */
  async hear(words) {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const at = this.#heard.indexOf(words);
      if (at >= 0) {
        this.#heard = this.#heard.slice(at + words.length);
        return;
      }
      if (Date.now() > until) throw new Error(`the terminal waits for "${words}"; it heard: ${this.#heard.slice(-600)}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 500);
        this.#wake = () => (clearTimeout(timer), resolve());
      });
    }
  }

  /** Types a line and waits for words. */
  async say(line, words) {
    this.send(line);
    await this.hear(words);
  }

  end() {
    this.#socket.destroy();
  }
}

/** Whoever started this run, and does what only they can: a line is asked, a line is answered. */
export class Stagehand {
  #lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

  async ask(line) {
    process.stdout.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done || value !== "done") throw new Error(`"${line}" was answered: ${value}`);
  }
}
