// A player's way through the page, in a real browser against the real server: in, talk, a verb, a host that is killed, a
// phone. Arguments: the browser, the web host's port, the telnet port, and the folder for the pictures.

import assert from "node:assert/strict";
import { camera, openPage, Stagehand, startBrowser, Terminal } from "./stage.mjs";

const [executable, webPort, telnetPort, folder] = process.argv.slice(2);
const address = `http://127.0.0.1:${webPort}/`;
const hand = new Stagehand();
const { violations, look } = camera(folder);

/** The log's text. */
const log = (page) => page.locator(".entries");

/** Types into the field, as a person would. */
async function type(page, line) {
  await page.locator("#input").fill(line);
  await page.keyboard.press("Enter");
}

async function scene(name, play) {
  const started = Date.now();
  await play();
  console.log(`scene: ${name}, ${Date.now() - started} ms`);
}

/** Ann, a player; Benjamin, who may program and has gone again; and the wizard, who made him a programmer. */
async function cast() {
  const wizard = new Terminal(telnetPort);
  await wizard.say("connect Wizard", "Type @password now");
  const benjamin = new Terminal(telnetPort);
  await benjamin.say("create Benjamin tea-and-rain", "Type: look");
  await wizard.say("@programmer Benjamin", "programmer");
  await benjamin.say("@verb me:hum this none this", "hum");
  await benjamin.say("@quit", "");
  const ann = new Terminal(telnetPort);
  await ann.say("create Ann kettle-kettle", "Type: look");
  return { wizard, ann };
}

async function atTheDoor(page) {
  await page.locator(".greeting:not(:empty)").waitFor();
  await page.getByLabel("Name").fill("Benjamin");
  await page.getByLabel("Password").fill("not this one");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("#login-error:not(:empty)").waitFor();
  await look(page, "1-door");
  await page.getByLabel("Password").fill("tea-and-rain");
  await page.keyboard.press("Enter");
  await page.getByText("Connected", { exact: true }).waitFor();
  assert.ok(await page.locator("#input").evaluate((field) => field === document.activeElement), "one can write at once");
}

async function talk(page, ann) {
  await type(page, "say Good evening from the page.");
  await ann.hear('Benjamin says, "Good evening from the page."');
  ann.send("say <img src=x onerror=alert(1)> Come in, https://example.org/kettle is warm.");
  await log(page).getByText("<img src=x onerror=alert(1)> Come in").waitFor();
  assert.equal(await log(page).locator("img").count(), 0, "what a player says is no HTML");
  assert.equal(await log(page).getByRole("link").first().getAttribute("rel"), "noopener noreferrer nofollow");

  const live = page.locator("[aria-live], [role=status], [role=alert], [role=log]");
  assert.equal(await live.count(), 1, "one live region");
  await live.getByText("Come in").waitFor();
  await type(page, "say Once more.");
  await live.getByText("Once more").waitFor();
  assert.doesNotMatch(await live.innerText(), /^say Once more/m, "what one typed is not read back");
}

async function privately(page, ann) {
  await page.getByRole("complementary").getByRole("button", { name: "Ann" }).click();
  await type(page, "A word between us.");
  await ann.hear("A word between us.");
  await page.locator(".entry.said.own").getByText("A word between us.").waitFor();
  ann.send("say The kettle sings.");
  await page.getByRole("navigation").getByRole("button", { name: "World 1 unread" }).waitFor();
  await look(page, "2-private");
  await page.getByRole("navigation").getByRole("button", { name: "World" }).click();
  await log(page).getByText("The kettle sings.").waitFor();
  await look(page, "3-world");
}

async function program(page, wizard) {
  await type(page, "@edit me.description");
  await page.getByRole("textbox", { name: /^#\d+\.description$/ }).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type('"Smells of tea."');
  await page.keyboard.press("Control+s");
  await page.locator(".message").getByText("Saved.").waitFor();
  await wizard.say('; $people:named("Benjamin").description', "Smells of tea.");
  await page.getByLabel("Verb, property or object").fill("me:hum");
  await page.keyboard.press("Enter");
  const code = page.getByRole("textbox", { name: "me:hum" });
  await code.click();
  await page.keyboard.type('if (1)\nplayer:tell("You hum, ", 6 * 7, " times.");\n\nendfor');
  await page.keyboard.press("Control+s");
  await page.locator(".faults").getByText("Line 4").waitFor();
  await look(page, "4-fault");
  await page.keyboard.press("Control+a");
  await page.keyboard.type('player:tell("You hum, ", 6 * 7, " times.");');
  await page.keyboard.press("Control+s");
  await page.locator(".message").getByText("Saved.").waitFor();
  await type(page, "; me:hum()");
  await log(page).getByText("You hum, 42 times.").waitFor();

  await wizard.say('; set_verb_code($people:named("Benjamin"), "hum", {"return 17;"})', "=>");
  await code.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("\nreturn 42;");
  await page.keyboard.press("Control+s");
  const choice = page.getByRole("dialog");
  await choice.getByText("return 17;").waitFor();
  await look(page, "5-conflict");
  await choice.getByRole("button", { name: "Save mine over it" }).click();
  await page.locator(".message").getByText("Saved.").waitFor();
  await wizard.say('; verb_code($people:named("Benjamin"), "hum")[$]', "return 42;");
  await look(page, "6-editor");
  await page.getByRole("button", { name: "Close the editor" }).click();
}

async function killed(page, ann) {
  await page.locator("#input").fill("half a thought");
  const lines = Array.from({ length: 30 }, (_, i) => `Line ${i + 1} of the tide.`);
  ann.send(`say ${lines[0]}`);
  await log(page).getByText(lines[0]).waitFor();
  await hand.ask("kill the web host");
  await page.locator(".banner:not([hidden])").waitFor();
  await look(page, "7-lost");
  for (const line of lines.slice(1)) await ann.say(`say ${line}`, line);
  await log(page).getByText("Connected again; nothing was missed.").waitFor();
  await log(page).getByText(lines[29]).waitFor();
  const heard = (await log(page).innerText()).match(/Line \d+ of the tide\./g);
  assert.deepEqual(heard, lines, "every line once, in order");
  assert.equal(await page.locator("#input").inputValue(), "half a thought", "the draft is there");
  await type(page, "say Here I am again.");
  await ann.hear('Benjamin says, "Here I am again."');
}

async function restarted(page, ann) {
  await hand.ask("kill the daemon");
  await type(page, "say Is anybody there?");
  await ann.hear('Benjamin says, "Is anybody there?"');
  await log(page).getByText('You say, "Is anybody there?"').waitFor();
  await page.getByText("Connected", { exact: true }).waitFor();
  assert.equal((await log(page).innerText()).match(/You say, "Is anybody there\?"/g)?.length, 1, "it took effect once");
}

async function again(page) {
  await page.locator("#input").fill("a thought over a reload");
  await page.reload();
  await page.getByText("Connected", { exact: true }).waitFor();
  await log(page).getByText("Line 30 of the tide.").waitFor();
  const heard = (await log(page).innerText()).match(/Line 30 of the tide\./g);
  assert.equal(heard?.length, 1, "the past and the present do not overlap");
  assert.equal(await page.locator("#input").inputValue(), "a thought over a reload");
  await page.locator("#input").fill("");
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.locator("#input").inputValue(), "say Is anybody there?");
  await page.keyboard.press("Escape");
  await page.locator(".scroll").evaluate((scroll) => (scroll.scrollTop = 0));
  await log(page).getByText("Good evening from the page.").waitFor();
}

/** With the keyboard alone: past the bar, to a conversation and back to the field. */
async function keys(page) {
  const first = page.locator(".world :is(a[href], button, textarea, [tabindex])").first();
  assert.equal(await first.getAttribute("class"), "skip", "the way to the field comes first");
  await first.focus();
  await page.keyboard.press("Enter");
  assert.ok(await page.locator("#input").evaluate((field) => field === document.activeElement), "it leads to the field");
  await page.keyboard.press("Alt+Digit2");
  assert.equal(await page.locator('nav [aria-current="true"]').count(), 1);
  await page.keyboard.press("Alt+Digit1");
  await page.keyboard.type("say by hand");
  assert.equal(await page.locator("#input").inputValue(), "say by hand");
  await page.locator("#input").fill("");
}

async function play(page) {
  await type(page, "in");
  await type(page, "play stones");
  await page.getByRole("img", { name: "You stand on stone" }).waitFor();
  await page.getByRole("button", { name: "Left" }).click();
  await page.getByRole("img", { name: "You stand on stone 4" }).waitFor();
  await look(page, "8-game");
  await page.getByRole("button", { name: "Leave" }).click();
}

async function phone(page) {
  await page.setViewportSize({ width: 360, height: 640 });
  await look(page, "9-phone");
  await page.getByRole("button", { name: "Conversations" }).click();
  await look(page, "9-phone-conversations");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Who is here" }).click();
  await page.getByRole("complementary").getByRole("button", { name: "Ann" }).waitFor();
  await look(page, "9-phone-people");
  await page.keyboard.press("Escape");
  // As if the keyboard of a phone had come up.
  await page.setViewportSize({ width: 360, height: 330 });
  // The page hears of its new height a frame later: what counts is where the field comes to rest.
  await page.waitForFunction(() => document.querySelector("#input").getBoundingClientRect().bottom <= 330);
  await page.setViewportSize({ width: 1280, height: 800 });
}

async function others(context) {
  const { page, faults } = await openPage(context, address);
  await page.getByRole("button", { name: "Log in" }).waitFor();
  await page.getByRole("button", { name: "Look around as a guest" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Name").fill("Carol");
  await page.getByLabel("Password").fill("a-new-character");
  await page.getByRole("button", { name: "Create a character" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Settings" }).click();
  await look(page, "10-settings");
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("button", { name: "Log in" }).waitFor();
  assert.deepEqual(faults, []);
}

const { wizard, ann } = await cast();
const { context, end } = await startBrowser(executable);
const { page, faults } = await openPage(context, address);
try {
  await scene("at the door", () => atTheDoor(page));
  await scene("talk", () => talk(page, ann));
  await scene("privately", () => privately(page, ann));
  await scene("program", () => program(page, wizard));
  await scene("the host is killed", () => killed(page, ann));
  await scene("the world is killed", () => restarted(page, ann));
  await scene("again", () => again(page));
  await scene("keys", () => keys(page));
  await scene("play", () => play(page));
  await scene("phone", () => phone(page));
  await scene("others", () => others(context));
  assert.deepEqual(faults, [], "scripts that failed, and the policy");
  assert.deepEqual(violations, [], "what keeps people out");
} catch (error) {
  await page.screenshot({ path: `${folder}/failed.png` }).catch(() => undefined);
  console.error(error);
  console.error(`the log's end: ${(await log(page).innerText().catch(() => "")).slice(-1500)}`);
  process.exitCode = 1;
} finally {
  await end();
  wizard.end();
  ann.end();
}
process.exit();
