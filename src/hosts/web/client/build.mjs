// Builds the page into dist/, which the web host embeds; with --check, tells whether dist/ is what the sources give; with
// --tests, builds the tests into target/tests/. The same sources and lock file give the same bytes.

import { build } from "esbuild";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const plain = { bundle: true, charset: "utf8", legalComments: "none", logLevel: "warning", absWorkingDir: here };

/** The licences of the packages whose code is in the page, from the list of what went into it. */
async function licences(inputs) {
  const packages = new Set(Object.keys(inputs).flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  const parts = [...packages].sort().map(async (name) => {
    const text = await readFile(join(here, "node_modules", name, "LICENSE"), "utf8");
    return `${name}\n\n${text.trim()}\n`;
  });
  return `The page contains code of these packages, under these terms.\n\n${(await Promise.all(parts)).join(`\n${"-".repeat(72)}\n\n`)}`;
}

/** The files of the page, by name. */
async function page() {
  const options = { ...plain, minify: true, target: ["chrome123", "firefox120", "safari17.5"], write: false, metafile: true };
  const script = await build({
    ...options, entryPoints: ["src/main.ts"], format: "esm", splitting: true, chunkNames: "[name]", outdir: ".",
  });
  const style = await build({ ...options, entryPoints: ["src/style.css"], outfile: "main.css" });
  return new Map([
    ["index.html", await readFile(join(here, "src/index.html"), "utf8")],
    ["icon.svg", await readFile(join(here, "src/icon.svg"), "utf8")],
    ...script.outputFiles.map((file) => [basename(file.path), file.text]),
    ["main.css", style.outputFiles[0].text],
    ["licences.txt", await licences(script.metafile.inputs)],
  ]);
}

async function writePage() {
  const dist = join(here, "dist");
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist);
  for (const [name, text] of await page()) await writeFile(join(dist, name), text);
}

async function checkPage() {
  const files = await page();
  const found = await readdir(join(here, "dist")).catch(() => []);
  const stale = [...new Set([...files.keys(), ...found])].filter((name) => !found.includes(name) || !files.has(name));
  for (const [name, text] of files) {
    if (!stale.includes(name) && (await readFile(join(here, "dist", name), "utf8")) !== text) stale.push(name);
  }
  if (stale.length === 0) return;
  console.error(`dist/ is not what the sources give: ${stale.join(", ")}; run npm run build, and commit it`);
  process.exitCode = 1;
}

async function tests() {
  const names = (await readdir(join(here, "test"))).filter((name) => name.endsWith(".test.ts"));
  const entryPoints = names.map((name) => `test/${name}`);
  await rm(join(here, "target"), { recursive: true, force: true });
  await build({ ...plain, entryPoints, outdir: "target/tests", platform: "node", format: "esm", outExtension: { ".js": ".mjs" } });
}

if (process.argv.includes("--tests")) await tests();
else if (process.argv.includes("--check")) await checkPage();
else await writePage();
