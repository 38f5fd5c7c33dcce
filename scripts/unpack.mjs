/** The package as npm would install it, in a folder of its own: for checks of what users get. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");

/**
 * Packs the package, which builds it first, and unpacks it to node_modules/thinktab, beside links to the dependencies
 * that a user gets with it and to nothing else.
 * @param {string} folder of the user's project
 * @returns {{ installed: string, archiveBytes: number }} where the package lies, and how large the archive was
 */
export function unpackPackage(folder) {
  mkdirSync(folder, { recursive: true });
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  execFileSync(npm, ["pack", "--silent", "--pack-destination", folder], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (archive === undefined) throw new Error("npm pack made no archive");
  const archiveBytes = readFileSync(join(folder, archive)).length;

  const modules = join(folder, "node_modules");
  const installed = join(modules, "thinktab");
  rmSync(installed, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, archive), "-C", installed, "--strip-components=1"]);
  rmSync(join(folder, archive));

  const { dependencies, optionalDependencies } = /** @type {Record<string, Record<string, string>>} */ (
    JSON.parse(readFileSync(join(installed, "package.json"), "utf8"))
  );
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) link(modules, name);
  return { installed, archiveBytes };
}

/** Puts a package of this checkout into a project. @param {string} modules its node_modules @param {string} name */
export function link(modules, name) {
  rmSync(join(modules, name), { force: true });
  mkdirSync(dirname(join(modules, name)), { recursive: true });
  symlinkSync(join(root, "node_modules", name), join(modules, name), "junction");
}
