/** What must hold of the built files that a browser loads; a breach would show only in somebody else's project. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The files that an entry loads: itself, and what it imports. Workers and dynamic imports are entries of their own.
 * @param {string} folder
 * @param {string} entry file name
 * @returns {string[]}
 */
export function filesOf(folder, entry) {
  const files = new Set([entry]);
  for (const file of files) {
    for (const name of staticImports(readFileSync(join(folder, file), "utf8"))) {
      if (name.startsWith("./")) files.add(name.slice(2));
    }
  }
  return [...files];
}

/** In minified code no space is before the name, as there may be in a text. @param {string} code @returns {string[]} */
function staticImports(code) {
  return [...code.matchAll(/\b(?:import|from)"([^"$]+)"/g)].map((match) => match[1]);
}

/**
 * Checks everything that these entries load, now or later.
 * @param {string} folder
 * @param {readonly string[]} entries names without `.js`
 * @param {RegExp} [mayEvaluate] names of files that may hold code which needs 'unsafe-eval'
 * @throws Error naming the file and what is wrong in it
 */
export function checkBrowserFiles(folder, entries, mayEvaluate) {
  const files = new Set(entries.map((name) => `${name}.js`));
  for (const file of files) {
    const code = readFileSync(join(folder, file), "utf8");
    const [problem] = problemsOf(code, mayEvaluate?.test(file));
    if (problem !== undefined) throw new Error(`${join(folder, file)}: ${problem}`);
    for (const name of [...staticImports(code), ...dynamicImports(code), ...workerUrls(code)]) {
      const next = name.replace("./", "");
      if (!existsSync(join(folder, next)))
        throw new Error(`${join(folder, file)} names ${next}, which was not built`);
      files.add(next);
    }
  }
}

/**
 * @param {string} code of a built file
 * @param {boolean} [mayEvaluate]
 * @returns {string[]} why a browser under a strict policy, or a bundler without configuration, would not take it
 */
export function problemsOf(code, mayEvaluate = false) {
  const problems = [];
  const names = [...staticImports(code), ...dynamicImports(code)];
  const bare = names.filter((name) => !name.startsWith("./"));
  if (bare.length > 0) problems.push(`imports ${bare.join(", ")}, which a browser cannot find`);
  if (!mayEvaluate && /\beval\(|\bnew Function\b|\bFunction\(/.test(code))
    problems.push("makes code from text, which needs 'unsafe-eval'");
  if (/\bWebAssembly\b/.test(code)) problems.push("uses WebAssembly, which needs 'wasm-unsafe-eval'");
  const hidden = [...code.matchAll(/\bimport\(([^)]*)\)/g)].filter(
    (match) => !/^(?:\s*\/\*[^*]*\*\/)*\s*["'`]/.test(match[1]),
  );
  if (
    hidden.some((match) => !match[1].includes("@vite-ignore") || !match[1].includes("webpackIgnore: true"))
  ) {
    problems.push(
      "imports a name that is computed, without the comments that keep bundlers from following it",
    );
  }
  const workers = code.match(/new Worker\(/g)?.length ?? 0;
  if (workers !== workerUrls(code).length)
    problems.push("starts a worker in a form that bundlers do not know");
  return problems;
}

/** Of imports whose name is written out. @param {string} code */
function dynamicImports(code) {
  return [...code.matchAll(/\bimport\((?:\s*\/\*[^*]*\*\/)*\s*(["'`])([^"'`]+)\1\)/g)].map(
    (match) => match[2],
  );
}

/** @param {string} code @returns {string[]} */
function workerUrls(code) {
  const call = /new Worker\(\s*new URL\("(\.\/[\w-]+\.js)",\s*import\.meta\.url\),\s*\{\s*type:\s*"module"/g;
  return [...code.matchAll(call)].map((match) => match[1]);
}
