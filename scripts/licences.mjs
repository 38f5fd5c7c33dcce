/** The licences of what a build contains of others' work. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A Vite plugin that writes the licence of every package of which code is in the build into one file.
 * @param {Set<string>} packages collects the packages' folders; shared between the builds of a page and of its workers.
 *   What a style sheet imports is no module: its package has to be in there already.
 * @param {{ fileName?: string }} [options] without a file name it only collects
 * @returns {import("vite").Plugin}
 */
export function thirdPartyLicences(packages, { fileName } = {}) {
  return {
    name: "third-party-licences",
    generateBundle(_options, bundle) {
      for (const output of Object.values(bundle)) {
        if (output.type !== "chunk") continue;
        for (const [id, { renderedLength }] of Object.entries(output.modules)) {
          const folder = renderedLength > 0 ? packageOf(id) : undefined;
          if (folder !== undefined) packages.add(folder);
        }
      }
      if (fileName !== undefined) {
        this.emitFile({ type: "asset", fileName, source: licenceText([...packages].sort()) });
      }
    },
  };
}

/**
 * The folder of the package that a module is of; undefined for the project's own and for a bundler's helpers.
 * @param {string} id
 * @returns {string | undefined}
 */
export function packageOf(id) {
  return /^[^\0]*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id.replaceAll("\\", "/"))?.[0];
}

/**
 * @param {readonly string[]} folders
 * @returns {string} name, version and licence of each package
 * @throws Error for a package without a licence: it must not be shipped
 */
export function licenceText(folders) {
  const parts = folders.map((folder) => {
    const manifest = /** @type {{ name: string, version: string, license?: string }} */ (
      JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
    );
    const file = readdirSync(folder).find((name) => /^licen[cs]e(\.\w+)?$/i.test(name));
    if (file === undefined) throw new Error(`${manifest.name}: got no file with its licence, expected one`);
    const title = `${manifest.name} ${manifest.version} (${manifest.license ?? "see below"})`;
    return `${title}\n${"-".repeat(title.length)}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return `Thinktab contains code of the packages below, under their licences.\n\n${parts.join("\n\n")}`;
}
