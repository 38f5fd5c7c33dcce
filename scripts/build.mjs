/**
 * Builds dist/: the library and its workers (for browsers and bundlers), the command line (for Node), the type
 * declarations, and the licences of what is bundled. What runs in a browser needs nothing besides these files: no
 * bundler's configuration, no import map. A worker stays a `new Worker(new URL("./name.js", import.meta.url))`, which
 * bundlers know, and browsers too. Entries share chunks, so that a class is the same in all of them.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { build } from "vite";
import { checkBrowserFiles } from "./browser-files.mjs";
import { writeDeclarations } from "./declarations.mjs";
import { thirdPartyLicences } from "./licences.mjs";
import { strippedShaders } from "./wgsl.mjs";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

/**
 * Workers in one file each. They are used with nothing else, so that they have little to share; and Vite, which makes
 * workers of one file unless it is told otherwise, takes none whose lazy parts import what the worker does not.
 */
const alone = ["data-worker", "judge-worker"];
const workers = readdirSync(join(root, "workers")).filter((name) => name.endsWith("-worker.ts"));
const browserEntries = {
  client: "workers/client.ts",
  engine: "src/engine.ts",
  rl: "src/rl/index.ts",
  ...Object.fromEntries(
    workers
      .map((name) => name.replace(/\.ts$/, ""))
      .filter((name) => !alone.includes(name))
      .map((name) => [name, `workers/${name}.ts`]),
  ),
};
const nodeEntries = { node: "src/node.ts", cli: "src/cli/main.ts" };

/**
 * What entries share: a module is in the first of these chunks one of whose roots reaches it, the root included if it is
 * no entry itself. The order is that of who needs them, from everybody to the engine alone, so that nobody loads much
 * for others' sake, and a page's bundler can leave out a whole file. What only the command line reaches is split as it
 * comes.
 */
const sharedChunks = [
  { name: "errors", roots: ["src/util/errors.ts", "src/util/is-record.ts"] },
  { name: "wire", roots: ["workers/stream.ts", "workers/transfer.ts", "src/tasks/task.ts"] },
  {
    name: "rules",
    roots: ["src/rl/advantage.ts", "src/rl/metrics.ts", "src/rl/objective.ts", "src/rl/reward.ts"],
  },
  { name: "recipes", roots: ["src/train/run-recipe.ts"] },
  { name: "tasks", roots: ["workers/reward-worker.ts"] },
  { name: "records", roots: ["workers/client.ts"] },
  { name: "algorithm", roots: ["src/rl/index.ts"] },
  { name: "core", roots: ["workers/engine-worker.ts"] },
  { name: "training", roots: ["workers/engine-run.ts"] },
  { name: "checks", roots: ["src/self-test/benchmark.ts"] },
];

const manifest = /** @type {Record<string, Record<string, string>>} */ (
  JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
);
const packages = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
const external = [/^node:/, ...builtinModules, ...packages.map((name) => new RegExp(`^${name}(/|$)`))];

rmSync(dist, { recursive: true, force: true });
/** Packages of which something is in the build. @type {Set<string>} */
const contained = new Set();
for (const name of alone) {
  await buildFiles({ [name]: `workers/${name}.ts` }, { codeSplitting: false, sourcemap: false });
}
await buildFiles(
  { ...browserEntries, ...nodeEntries },
  { codeSplitting: { groups: sharedChunks.map(sharedChunk) }, sourcemap: true },
);
dropMap(/^compute-engine\./);
// The algebra of `thinktab/rl`, loaded by those who verify formulas. It makes functions from text where it writes LaTeX;
// here it only reads.
checkBrowserFiles(dist, [...Object.keys(browserEntries), ...alone], /^(compute-engine\.|data-worker\.js$)/);
writeDeclarations(root, join(dist, "types"), [
  "workers/client.ts",
  "src/engine.ts",
  "src/rl/index.ts",
  "src/node.ts",
]);

/**
 * @param {Record<string, string>} input sources by the names of the built files
 * @param {{ codeSplitting: false | { groups: ReturnType<typeof sharedChunk>[] }, sourcemap: boolean }} options
 */
function buildFiles(input, { codeSplitting, sourcemap }) {
  return build({
    configFile: false,
    root,
    logLevel: "warn",
    publicDir: false,
    plugins: [
      strippedShaders(),
      thirdPartyLicences(contained, { fileName: "THIRD-PARTY-LICENSES.txt" }),
      workerCalls(),
    ],
    // Packages as browsers take them: a bundle for Node alone would not start in a page.
    ssr: { noExternal: true, resolve: { conditions: ["module", "browser", "production"] } },
    build: {
      ssr: true, // leaves the URLs of workers as they are; nothing of it is particular to servers
      outDir: "dist",
      emptyOutDir: false,
      target: "es2022",
      sourcemap, // with the sources, each once: Vite's server warns of every map that lacks them
      minify: false, // by Rolldown below, which keeps the comments that bundlers read
      rolldownOptions: {
        input,
        external,
        platform: "browser", // Rolldown's own helpers, too
        output: {
          entryFileNames: "[name].js",
          chunkFileNames: "[name]-[hash].js",
          minify: true,
          comments: { annotation: true, legal: false, jsdoc: false },
          codeSplitting,
        },
      },
    },
  });
}

/**
 * Leaves out the map of a chunk that is another's minified code: a tenth of the archive, and it names no line of ours.
 * @param {RegExp} name
 */
function dropMap(name) {
  for (const file of readdirSync(dist).filter((each) => name.test(each) && each.endsWith(".js"))) {
    const code = readFileSync(join(dist, file), "utf8");
    writeFileSync(join(dist, file), code.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, "\n"));
    rmSync(join(dist, `${file}.map`));
  }
}

/**
 * Workers by the name of the built file, in an expression that every bundler reads: the minifier's template literals
 * are strings again, at the same length, so that no column moves.
 * @returns {import("vite").Plugin}
 */
function workerCalls() {
  return {
    name: "worker-calls",
    enforce: "pre",
    transform: (code) => ({
      code: code.replace(/(new URL\(\s*"\.\/[\w-]+)\.ts("\s*,\s*import\.meta\.url)/g, "$1.js$2"),
      map: null,
    }),
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        chunk.code = chunk.code.replace(/new Worker\(new URL\([^)]*\),\{[^}]*\}\)/g, (call) =>
          call.replaceAll("`", '"'),
        );
      }
    },
  };
}

/** @param {(typeof sharedChunks)[number]} chunk @param {number} index in the order of precedence */
function sharedChunk({ name, roots }, index) {
  /** @type {Set<string> | undefined} */
  let modules;
  return {
    debugName: name,
    priority: sharedChunks.length - index,
    minShareCount: 2,
    /** @param {string} id @param {import("rolldown").ChunkingContext} context */
    name(id, context) {
      modules ??= reached(roots, context);
      return modules.has(id) ? name : null;
    },
  };
}

/**
 * The modules that these import, dynamic imports aside, and themselves. An entry of the package is used by itself alone,
 * so it stays out of shared chunks.
 * @param {readonly string[]} roots
 * @param {import("rolldown").ChunkingContext} context
 */
function reached(roots, context) {
  const seen = new Set(roots.map((path) => join(root, path)));
  for (const id of seen) for (const next of context.getModuleInfo(id)?.importedIds ?? []) seen.add(next);
  return seen;
}
