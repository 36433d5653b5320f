// Starts the page.

import { App } from "./app";
import { applySettings, loadSettings } from "./settings";

applySettings(loadSettings());
const address = new URL("/ws", location.href);
address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
new App(address.href).start(document.body);
