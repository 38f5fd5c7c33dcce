/**
 * Builds the page, serves it, prints its address and opens it where there is a display.
 * `node scripts/start.mjs [--port N] [--no-open]`; the page is built anew at each start.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, preview } from "vite";

const { values } = parseArgs({
  options: { port: { type: "string" }, "no-open": { type: "boolean", default: false } },
});
const configFile = join(import.meta.dirname, "../vite.config.ts");

await build({ configFile, logLevel: "warn" });
const server = await preview({
  configFile,
  logLevel: "warn",
  // A port that was asked for is meant; without one the next free one will do.
  preview: values.port === undefined ? { port: 5173 } : { port: Number(values.port), strictPort: true },
});
const address = server.resolvedUrls?.local[0] ?? "";
console.log(`Thinktab is at ${address} (Ctrl+C stops it)`);
if (!values["no-open"] && hasDisplay()) open(address);

function hasDisplay() {
  const { DISPLAY, WAYLAND_DISPLAY, CI } = process.env;
  return !CI && (process.platform !== "linux" || Boolean(DISPLAY ?? WAYLAND_DISPLAY));
}

/** @param {string} url */
function open(url) {
  const [command, args] =
    process.platform === "darwin"
      ? ["open", [url]]
      : process.platform === "win32"
        ? ["cmd", ["/c", "start", "", url]]
        : ["xdg-open", [url]];
  const opener = spawn(command, args, { stdio: "ignore", detached: true });
  opener.on("error", () => {}); // the address is printed: opening it is a courtesy
  opener.unref();
}
