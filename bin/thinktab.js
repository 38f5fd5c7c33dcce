#!/usr/bin/env node
/**
 * Runs the command line: the built one, or in a checkout whose build is missing or older than its sources, the sources
 * themselves.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "..");
const args = process.argv.slice(2);
process.exitCode = runsFromSource() ? await fromSource("src/cli/main.ts") : await fromBuild("dist/cli.js");

/** An installed package has no sources; a checkout has, and with them Vite to run them. */
function runsFromSource() {
  if (!existsSync(join(root, "src/cli/main.ts")) || !existsSync(join(root, "node_modules/vite")))
    return false;
  const built = join(root, "dist/cli.js");
  return !existsSync(built) || newest("src", "shaders", "recipes", "package.json") > statSync(built).mtimeMs;
}

/** @param {...string} paths @returns {number} when the youngest file in them was changed, in ms */
function newest(...paths) {
  const times = paths.flatMap((path) => {
    const full = join(root, path);
    const stat = statSync(full);
    return stat.isDirectory() ? readdirSync(full).map((name) => newest(join(path, name))) : [stat.mtimeMs];
  });
  return Math.max(0, ...times);
}

/** @param {string} file */
async function fromSource(file) {
  const { runTs } = await import("../scripts/run-ts.mjs");
  return runTs(join(root, file), args);
}

/** @param {string} file */
async function fromBuild(file) {
  const cli = /** @type {{ main: (args: string[]) => Promise<number> }} */ (
    await import(pathToFileURL(join(root, file)).href)
  );
  return cli.main(args);
}
