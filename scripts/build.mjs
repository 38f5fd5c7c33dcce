/**
 * Builds dist/: the library and its workers (for a bundler or a browser), the command line (for Node) and the type
 * declarations. Dependencies stay imports. A worker stays a `new Worker(new URL("./name.js", import.meta.url))`, which
 * bundlers know, and browsers too.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

const workers = readdirSync(join(root, "workers")).filter((name) => name.endsWith("-worker.ts"));
const input = {
  index: "src/engine.ts",
  node: "src/node.ts",
  client: "workers/client.ts",
  cli: "src/cli/main.ts",
  ...Object.fromEntries(workers.map((name) => [name.replace(/\.ts$/, ""), `workers/${name}`])),
};

const manifest = /** @type {Record<string, Record<string, string>>} */ (
  JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
);
const packages = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
const external = [/^node:/, ...builtinModules, ...packages.map((name) => new RegExp(`^${name}(/|$)`))];

/** The URL of a module beside the one that names it, in three parts around its extension. */
const moduleUrl = /(new URL\(\s*"\.\/)([\w-]+)\.(?:ts|js)("\s*,\s*import\.meta\.url)/g;

rmSync(dist, { recursive: true, force: true });
await build({
  configFile: false,
  root,
  logLevel: "warn",
  publicDir: false,
  plugins: [
    {
      name: "worker-urls",
      enforce: "pre",
      transform: (code) => ({ code: code.replace(moduleUrl, "$1$2.js$3"), map: null }), // no column moves
    },
  ],
  build: {
    ssr: true, // leaves worker URLs and dependencies as they are; nothing of it is particular to servers
    outDir: "dist",
    target: "es2022",
    sourcemap: true,
    minify: false,
    rolldownOptions: {
      input,
      external,
      output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
    },
  },
});
for (const name of readdirSync(dist).filter((file) => file.endsWith(".js"))) {
  for (const [, , stem] of readFileSync(join(dist, name), "utf8").matchAll(moduleUrl)) {
    if (!existsSync(join(dist, `${stem}.js`)))
      throw new Error(`dist/${name} names ${stem}.js, which was not built`);
  }
}

const tsc = join(root, "node_modules/typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
