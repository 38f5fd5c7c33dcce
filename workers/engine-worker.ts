/** The engine worker: exposes an Engine on the browser's GPU to the page, and starts the reward worker for it. */
import { expose } from "comlink";
import { browserHost } from "./browser-host.ts";
import { Engine } from "./engine.ts";

expose(new Engine(browserHost()));
