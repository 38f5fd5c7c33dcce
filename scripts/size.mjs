/**
 * Prints what a page loads, gzipped, and fails above the limits: `npm run size`, after `npm run build` and, for the
 * page's line, `npm run build:demo`. Each entry is bundled as in a user's page that imports what the line names.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { filesOf } from "./browser-files.mjs";

/** Bytes, gzipped. */
const limits = {
  /** What starts the engine, and its workers; without what is fetched when it is needed. */
  core: 120_000,
  /** The demo page's first load. */
  page: 200_000,
  /** One function of `thinktab/rl`: whoever wants it pays for nothing else. */
  oneFunction: 2_000,
};

/** @typedef {{ name: string, initial: number, later?: [name: string, bytes: number][], limit?: number }} Load gzipped bytes */

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(join(import.meta.dirname, ".."));
}

/** @param {string} root @returns {Promise<number>} exit code */
async function main(root) {
  const built = (/** @type {string} */ name) => JSON.stringify(join(root, "dist", name));
  if (!existsSync(join(root, "dist/client.js"))) throw new Error("dist/ is not built: npm run build");
  const core = [
    await load("thinktab: createThinktab", `export { createThinktab } from ${built("client.js")}`),
    await load("engine worker", `import ${built("engine-worker.js")}`),
    await load("reward worker", `import ${built("reward-worker.js")}`),
  ];
  const page = pageLoad(join(root, "site"));
  const loads = [
    ...core,
    { name: "core: these three", initial: sum(core.map(({ initial }) => initial)), limit: limits.core },
    await load("thinktab: everything", `export * from ${built("client.js")}`),
    await load("thinktab/engine: everything", `export * from ${built("engine.js")}`),
    await load("thinktab/rl: everything", `export * from ${built("rl.js")}`),
    {
      ...(await load("thinktab/rl: groupAdvantages", `export { groupAdvantages } from ${built("rl.js")}`)),
      limit: limits.oneFunction,
    },
    ...(page === undefined
      ? []
      : [{ name: "the demo page's first load", initial: page, limit: limits.page }]),
  ];
  console.log(table(loads));
  if (page === undefined) console.log("\nThe page is not built (npm run build:demo): not measured.");
  for (const problem of aboveLimit(loads)) console.error(`\n${problem}`);
  return aboveLimit(loads).length === 0 ? 0 : 1;
}

/** @param {readonly Load[]} loads @returns {string[]} a line for each that is too large */
export function aboveLimit(loads) {
  return loads.flatMap(({ name, initial, limit = Infinity }) =>
    initial > limit ? [`${name}: got ${kilobytes(initial)}, at most ${kilobytes(limit)}`] : [],
  );
}

/**
 * @param {string} name
 * @param {string} code what the user's page imports
 * @returns {Promise<Load>}
 */
async function load(name, code) {
  const entry = "\0entry";
  const result = await build({
    configFile: false,
    logLevel: "error",
    plugins: [
      {
        name: "entry",
        enforce: "pre",
        resolveId: (id) => (id === "entry" ? entry : null),
        load: (id) => (id === entry ? code : null),
      },
    ],
    ssr: { noExternal: true },
    build: {
      ssr: true, // leaves the URLs of workers as they are: they have lines of their own
      write: false,
      minify: true,
      target: "es2022",
      rolldownOptions: { input: "entry", platform: "browser" },
    },
  });
  const { output } = /** @type {import("rolldown").RolldownOutput} */ (result);
  const chunks = output.filter((file) => file.type === "chunk");
  const first = new Set(chunks.filter((chunk) => chunk.isEntry).map((chunk) => chunk.fileName));
  for (const file of first) {
    for (const next of chunks.find((chunk) => chunk.fileName === file)?.imports ?? []) first.add(next);
  }
  const size = (/** @type {(typeof chunks)[number]} */ chunk) => gzipSync(chunk.code).length;
  return {
    name,
    initial: sum(chunks.filter((chunk) => first.has(chunk.fileName)).map(size)),
    later: chunks
      .filter((chunk) => !first.has(chunk.fileName))
      .map((chunk) => [chunk.name.replace(/-[\w-]{8}$/, ""), size(chunk)]),
  };
}

/**
 * The built page's first load: its document, what that names, and the engine worker, which starts at once.
 * @param {string} site
 * @returns {number | undefined} gzipped bytes; undefined when it is not built
 */
export function pageLoad(site) {
  if (!existsSync(join(site, "index.html"))) return undefined;
  const html = readFileSync(join(site, "index.html"), "utf8");
  const named = [...html.matchAll(/(?:src|href)="\.?\/?(assets\/[^"]+\.(?:js|css))"/g)].map(
    (match) => match[1],
  );
  const scripts = named.filter((file) => file.endsWith(".js")).map((file) => file.replace("assets/", ""));
  const code = scripts.map((file) => readFileSync(join(site, "assets", file), "utf8")).join("\n");
  const worker = /engine-worker-[\w-]+\.js/.exec(code)?.[0];
  if (worker === undefined)
    throw new Error(`${site}: got no engine worker in the page's scripts, expected its name`);
  const files = new Set(["index.html", ...named]);
  for (const script of [...scripts, worker]) {
    for (const file of filesOf(join(site, "assets"), script)) files.add(`assets/${file}`);
  }
  const sizes = [...files].map((file) => gzipSync(readFileSync(join(site, file))).length);
  return sum(sizes);
}

/** @param {readonly Load[]} loads */
export function table(loads) {
  const width = Math.max(...loads.map(({ name }) => name.length));
  return loads
    .map(({ name, initial, limit, later = [] }) => {
      const total = sum(later.map(([, bytes]) => bytes));
      const parts = later
        .toSorted((a, b) => b[1] - a[1])
        .map(([part, bytes]) => `${part} ${kilobytes(bytes)}`);
      return [
        name.padEnd(width),
        kilobytes(initial).padStart(9),
        ...(limit === undefined ? [] : [`  of at most ${kilobytes(limit)}`]),
        ...(later.length === 0 ? [] : [`  later ${kilobytes(total)}: ${parts.join(", ")}`]),
      ].join("");
    })
    .join("\n");
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** As bundlers print it: 1 kB = 1000 bytes. @param {number} bytes */
function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
