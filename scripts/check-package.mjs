/**
 * Packs the library and uses it as a stranger would: its files are the ones meant, its manifest keeps its promises, its
 * types compile in strict projects, Vite bundles it with its workers, Node imports it, and its command answers. Builds
 * first. The browser's part is tests/browser/examples.spec.ts.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { unpackPackage } from "./unpack.mjs";

/** Bytes of the archive: most of it is the toy policy, then the maps that name lines of the sources. */
const largestArchive = 3_500_000;

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "thinktab-package-"));
try {
  const { installed, archiveBytes } = unpackPackage(folder);
  console.log(`package: ${(archiveBytes / 1e6).toFixed(2)} MB packed`);
  if (archiveBytes > largestArchive)
    throw new Error(`package: got ${archiveBytes} bytes, at most ${largestArchive}`);
  checkFiles(installed);
  checkManifest(installed);
  checkTypes();
  await checkBundle();
  checkNode(installed);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string} installed */
function checkFiles(installed) {
  const got = readdirSync(installed).sort().join(" ");
  const expected = "CHANGELOG.md LICENSE README.md bin dist package.json policies recipes shaders";
  if (got !== expected) throw new Error(`files of the package: got ${got}, expected ${expected}`);
  const names = readdirSync(join(installed, "dist"), { recursive: true, encoding: "utf8" });
  const strange = names.filter(
    (name) => !/(\.js|\.js\.map|\.d\.ts|^THIRD-PARTY-LICENSES\.txt)$/.test(name) && name.includes("."),
  );
  if (strange.length > 0) throw new Error(`files of dist/: got ${strange.join(", ")}`);
}

/**
 * What a manifest gets wrong unnoticed: paths that lead nowhere, a condition after `default`, a dependency that is not
 * used, or used and not named.
 * @param {string} installed
 */
function checkManifest(installed) {
  const manifest = /** @type {Manifest} */ (
    JSON.parse(readFileSync(join(installed, "package.json"), "utf8"))
  );
  for (const [entry, target] of Object.entries(manifest.exports)) {
    const conditions = typeof target === "string" ? { default: target } : target;
    const keys = Object.keys(conditions);
    if (keys.at(-1) !== "default")
      throw new Error(`exports ${entry}: conditions after default are never met`);
    if (keys.length > 1 && !keys[0].startsWith("types"))
      throw new Error(`exports ${entry}: types must come first`);
    for (const path of Object.values(conditions).map((value) => value.replace(/\/\*$/, ""))) {
      if (!existsSync(join(installed, path)))
        throw new Error(`exports ${entry}: ${path} is not in the package`);
    }
  }
  for (const path of [
    ...Object.values(manifest.bin),
    ...manifest.sideEffects.map((glob) => glob.replace(/\*.*$/, "")),
  ]) {
    if (!existsSync(join(installed, path)))
      throw new Error(`package.json names ${path}, which is not in the package`);
  }
  if (!readFileSync(join(installed, manifest.bin.thinktab), "utf8").startsWith("#!/usr/bin/env node\n"))
    throw new Error("bin: no interpreter is named");

  const scripts = readdirSync(join(installed, "dist")).filter((name) => name.endsWith(".js"));
  const code = scripts.map((name) => readFileSync(join(installed, "dist", name), "utf8")).join("\n");
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const isTypes = name === "@webgpu/types"; // the declarations for TypeScript 5 name it
    if (!isTypes && !code.includes(`"${name}"`) && !code.includes(`\`${name}\``))
      throw new Error(`dependencies: ${name} is not used`);
  }
}

/** @typedef {{ exports: Record<string, string | Record<string, string>>, bin: Record<string, string>, sideEffects: string[], dependencies: Record<string, string>, optionalDependencies: Record<string, string> }} Manifest */

/** Strict TypeScript without this project's settings, in each way of resolving modules that users have. */
function checkTypes() {
  writeFileSync(
    join(folder, "main.ts"),
    `import { createThinktab, DeviceLostError, type RunRecord, type TaskExample } from "thinktab";
import { Device, Policy, type Reward } from "thinktab/engine";
import { groupAdvantages } from "thinktab/rl";
import { dawnGpu, folderSource } from "thinktab/node";

declare const device: GPUDevice;
declare const record: RunRecord;
const kit = await createThinktab({ device, storage: "memory" });
const policy = await kit.loadPolicy("toy", { lora: { rank: 8 } });
for await (const { text } of policy.generate([{ role: "user", content: "how many ?" }])) console.log(text satisfies string);
for await (const event of policy.train(record.recipe)) if (event.type === "step") console.log(event.metrics.reward.toFixed());
const example: TaskExample = await kit.example({ name: "shapes" }, 1);
const reward: Reward = ({ text }) => ({ value: text.length, parts: {} });
const direct = await Policy.load(await Device.create({ gpu: await dawnGpu() }), folderSource("."));
const advantages: Float64Array = groupAdvantages([1, 0], 2).advantages;
console.log(new DeviceLostError("").code, record.metrics[0].digest.length, example.id, reward, direct.version, advantages);
// @ts-expect-error: a record's metrics are no text, and nothing of it is any
record.metrics satisfies string;
// @ts-expect-error: an option that does not exist
await kit.loadPolicy("toy", { lora: { ranks: 8 } });
`,
  );
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  for (const [module, moduleResolution] of [
    ["ESNext", "bundler"],
    ["Node16", "node16"],
    ["NodeNext", "nodenext"],
  ]) {
    const compilerOptions = {
      target: "ES2022",
      module,
      moduleResolution,
      lib: ["ES2022", "DOM"],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
    run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], folder);
  }
}

/** Every worker of the package becomes a file of the user's page, by Vite's defaults. */
async function checkBundle() {
  writeFileSync(
    join(folder, "page.js"),
    `import { createThinktab } from "thinktab";\nawait createThinktab();\n`,
  );
  writeFileSync(join(folder, "index.html"), `<!doctype html><script type="module" src="./page.js"></script>`);
  await build({ configFile: false, root: folder, logLevel: "warn" });
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
  const script = `
    const [client, engine, rl, node] = await Promise.all(
      ["thinktab", "thinktab/engine", "thinktab/rl", "thinktab/node"].map((name) => import(name)),
    );
    const manifest = await import("thinktab/package.json", { with: { type: "json" } });
    const isOne = client.ShapeError === engine.ShapeError && engine.ShapeError === rl.ShapeError;
    if (!isOne) throw new Error("an error's class differs from entry to entry");
    try { rl.groupAdvantages([1], 2); } catch (error) { if (!(error instanceof client.ThinktabError)) throw error; }
    if (typeof node.dawnGpu !== "function" || manifest.default.name !== "thinktab") throw new Error("an export is missing");
  `;
  run(process.execPath, ["--no-warnings", "--input-type=module", "-e", script], folder);
  run(process.execPath, [join(installed, "bin/thinktab.js"), "--help"], folder);
}

/** @param {string} command @param {string[]} args @param {string} cwd */
function run(command, args, cwd) {
  console.log(
    `package: ${[command, ...args.filter((arg) => !arg.includes("\n"))].join(" ").replaceAll(folder, "…")}`,
  );
  execFileSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] });
}
