/**
 * Packs the library and uses it as a stranger would: its files are the ones meant, its types compile in a strict project,
 * Vite bundles it with its workers, Node imports it, and its command answers. Builds first.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "thinktab-package-"));
try {
  const installed = install();
  checkFiles(installed);
  checkTypes();
  await checkBundle();
  checkNode(installed);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Unpacks the package where npm would, beside links to the dependencies a user gets with it. */
function install() {
  // `npm pack` builds first, by the script `prepack`.
  run("npm", ["pack", "--silent", "--pack-destination", folder], root);
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (!archive) throw new Error("npm pack made no archive");
  const modules = join(folder, "node_modules");
  const installed = join(modules, "thinktab");
  mkdirSync(installed, { recursive: true });
  run("tar", ["-xzf", join(folder, archive), "-C", installed, "--strip-components=1"], folder);
  for (const name of ["comlink", "idb", "valibot", "citty", "webgpu", "sharp", "@huggingface"]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  return installed;
}

/** @param {string} installed */
function checkFiles(installed) {
  const got = readdirSync(installed).sort().join(" ");
  const expected = "CHANGELOG.md LICENSE README.md bin dist package.json policies recipes shaders";
  if (got !== expected) throw new Error(`files of the package: got ${got}, expected ${expected}`);
}

/** A user's strict TypeScript, without this project's settings. */
function checkTypes() {
  const source = `import * as thinktab from "thinktab";\nimport * as client from "thinktab/client";\n`;
  writeFileSync(
    join(folder, "main.ts"),
    `${source}console.log(Object.keys(thinktab), Object.keys(client));\n`,
  );
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const compilerOptions = {
    target: "ES2022",
    module: "ESNext",
    moduleResolution: "bundler",
    lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    types: [],
    strict: true,
    noEmit: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
  run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], folder);
}

/** Every worker of the package becomes a file of the user's page. */
async function checkBundle() {
  writeFileSync(join(folder, "index.html"), `<!doctype html><script type="module" src="./main.ts"></script>`);
  const options = {
    configFile: /** @type {const} */ (false),
    root: folder,
    logLevel: /** @type {const} */ ("warn"),
  };
  await build({ ...options, worker: { format: "es" } });
  const bundled = readdirSync(join(folder, "dist/assets")).map((name) => name.replace(/-[\w-]{8}\.js$/, ""));
  const workers = readdirSync(join(root, "workers")).filter((name) => name.endsWith("-worker.ts"));
  for (const worker of workers.map((name) => name.replace(/\.ts$/, ""))) {
    if (!bundled.includes(worker)) {
      throw new Error(`a user's page: got the files ${bundled.join(", ")}, expected ${worker} among them`);
    }
  }
}

/** @param {string} installed */
function checkNode(installed) {
  run(
    process.execPath,
    ["--input-type=module", "-e", `await Promise.all([import("thinktab"), import("thinktab/node")])`],
    folder,
  );
  run(process.execPath, [join(installed, "bin/thinktab.js"), "--help"], folder);
}

/** @param {string} command @param {string[]} args @param {string} cwd */
function run(command, args, cwd) {
  console.log(`package: ${[command, ...args].join(" ").replaceAll(folder, "…")}`);
  execFileSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
}
