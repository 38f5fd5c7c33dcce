/** Builds the examples from the packed package, as their READMEs say, and serves them: for the tests. */
import { execFileSync } from "node:child_process";
import { cpSync, createReadStream, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { build, createServer as createViteServer } from "vite";
import webpack from "webpack";
import { link, unpackPackage } from "./unpack.mjs";

const root = join(import.meta.dirname, "..");

/** The strictest policy that the package runs under; a page may need more for what is its own. */
export const strictPolicy =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src data:";

/**
 * A copy of examples/, with the package in the node_modules/ of each, as `npm install` leaves it.
 * @param {string} folder
 */
export function installExamples(folder) {
  cpSync(join(root, "examples"), folder, { recursive: true });
  const { installed } = unpackPackage(join(folder, "package"));
  for (const name of ["vite", "webpack", "plain"]) {
    const app = join(folder, name);
    cpSync(installed, join(app, "node_modules/thinktab"), { recursive: true });
    execFileSync(process.execPath, ["copy-files.mjs"], { cwd: app });
  }
  addPages(folder);
  for (const name of ["vite", "typescript"]) link(join(folder, "vite/node_modules"), name);
}

/**
 * A second page for each app, which the examples do not need: tests/browser/own-device.js.
 * @param {string} folder
 */
function addPages(folder) {
  const script = readFileSync(join(root, "tests/browser/own-device.js"), "utf8");
  const page = (/** @type {string} */ tag) =>
    `<!doctype html><link rel="icon" href="data:,"><body>${tag}</body>`;
  const files = {
    "vite/own-device.html": page('<script type="module" src="/src/own-device.js"></script>'),
    "vite/src/own-device.js": script,
    "webpack/public/own-device.html": page('<script src="own-device.js"></script>'),
    "webpack/src/own-device.js": script,
    "plain/own-device.html": page('<script type="module" src="own-device.js"></script>'),
    "plain/own-device.js": script.replace('"thinktab"', '"./thinktab/client.js"'),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** `npm run build` of the Vite example. @param {string} folder @returns {Promise<string>} the folder to be served */
export async function buildVite(folder) {
  const app = join(folder, "vite");
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", app], { stdio: "inherit" });
  const input = ["index.html", "own-device.html"].map((name) => join(app, name));
  await build({ root: app, logLevel: "warn", build: { rolldownOptions: { input } } });
  return join(app, "dist");
}

/** `npm run dev` of the Vite example. @param {string} folder @returns {Promise<Served>} */
export async function serveVite(folder) {
  const server = await createViteServer({
    root: join(folder, "vite"),
    logLevel: "warn",
    server: { port: 0 },
  });
  await server.listen();
  return { url: server.resolvedUrls?.local[0] ?? "", close: () => server.close() };
}

/** `npm run build` of the webpack example. @param {string} folder @returns {Promise<string>} the folder to be served */
export async function buildWebpack(folder) {
  const app = join(folder, "webpack");
  const { default: config } =
    /** @type {{ default: { entry: string } & import("webpack").Configuration }} */ (
      await import(pathToFileURL(join(app, "webpack.config.js")).href)
    );
  await new Promise((resolve, reject) => {
    const entry = { main: config.entry, "own-device": "./src/own-device.js" };
    webpack({ ...config, entry, context: app }, (error, stats) => {
      if (error) reject(error);
      else if (!stats || stats.hasErrors() || stats.hasWarnings())
        reject(new Error(stats?.toString() ?? "no stats"));
      else resolve(undefined);
    });
  });
  return join(app, "public");
}

/** @typedef {{ url: string, close: () => Promise<unknown> }} Served */

const types = new Map([
  [".html", "text/html"],
  [".js", "text/javascript"],
  [".css", "text/css"],
  [".json", "application/json"],
]);

/**
 * A folder as the simplest host has it: no ranges, no special headers but the policy.
 * @param {string} folder
 * @returns {Promise<Served>}
 */
export async function serveFolder(folder) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const file = join(folder, normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname));
    if (!file.startsWith(folder) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = types.get(extname(file)) ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-security-policy": strictPolicy });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, () => resolve(undefined)));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://localhost:${address.port}/`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
