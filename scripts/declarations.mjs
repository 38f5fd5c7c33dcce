/**
 * Type declarations that stand by themselves: what a user's compiler would have to look up in packages that are bundled
 * is written out or taken along, and files that no entry leads to are left out.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import ts from "typescript";
import { printType } from "./print-type.mjs";

/** Small packages whose declarations are taken along: their files, the one that is imported first. */
const takenAlong = { comlink: ["dist/esm/comlink.d.ts", "dist/esm/protocol.d.ts"] };

/** TypeScript itself knows WebGPU from version 6 on; both at once conflict. See "types@<6.0" in package.json. */
const olderTypeScript = "typescript-5";

/**
 * @param {string} root of the project
 * @param {string} folder where the declarations go; it is emptied
 * @param {readonly string[]} entries sources, relative to the root
 * @throws Error when a declaration needs a package that a user does not get
 */
export function writeDeclarations(root, folder, entries) {
  rmSync(folder, { recursive: true, force: true });
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", folder], {
    stdio: "inherit",
  });

  const program = ts.createProgram(
    entries.map((entry) => join(folder, entry.replace(/\.ts$/, ".d.ts"))),
    {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      strict: true,
      types: [],
    },
  );
  const files = program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.startsWith(folder.replaceAll(sep, "/")));
  const checker = program.getTypeChecker();
  const texts = new Map(files.map((file) => [file.fileName, standingAlone(file, checker, folder)]));
  for (const [name, paths] of Object.entries(takenAlong)) {
    for (const path of paths) {
      const text = readFileSync(join(root, "node_modules", name, path), "utf8");
      texts.set(takenFile(folder, name, path), text.replace(/(from "\.\/\w+)"/g, '$1.js"'));
    }
  }

  for (const entry of entries) {
    const way = `../${entry.replace(/\.ts$/, ".js")}`;
    const lines = ['/// <reference types="@webgpu/types" />', `export * from "${way}";`];
    texts.set(
      join(folder, olderTypeScript, entry.replaceAll("/", "-").replace(/\.ts$/, ".d.ts")),
      `${lines.join("\n")}\n`,
    );
  }

  rmSync(folder, { recursive: true });
  for (const [file, text] of texts) {
    const bare = [...text.matchAll(/(?:\bfrom |\bimport\()"([^".][^"]*)"/g)].map((match) => match[1]);
    if (bare.length > 0)
      throw new Error(`${file} needs the types of ${bare.join(", ")}, which a user does not get`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/** @param {string} folder @param {string} name of a package that is taken along @param {string} path in it */
function takenFile(folder, name, path) {
  return join(folder, name, path.replace(/^.*\//, ""));
}

/**
 * The text of a file of declarations without foreign packages. A schema of valibot is no part of the surface: what it
 * checks is, as a type.
 * @param {ts.SourceFile} file
 * @param {ts.TypeChecker} checker
 * @param {string} folder
 */
function standingAlone(file, checker, folder) {
  const namespace = /import \* as (\w+) from "valibot"/.exec(file.text)?.[1];
  const mentions = new RegExp(`\\b${namespace}\\.`);
  const pieces = file.statements.map((statement) => {
    const text = file.text.slice(statement.pos, statement.end);
    if (
      namespace === undefined ||
      ts.isImportDeclaration(statement) ||
      !mentions.test(statement.getText(file))
    )
      return text;
    return ts.isTypeAliasDeclaration(statement) ? written(statement, text, mentions, checker) : "";
  });
  const used = pieces.filter((_, index) => !ts.isImportDeclaration(file.statements[index])).join("");
  let text = file.statements
    .map((statement, index) =>
      ts.isImportDeclaration(statement) ? narrowed(statement, pieces[index], used) : pieces[index],
    )
    .join("")
    .trimStart();
  for (const [name, [path]] of Object.entries(takenAlong)) {
    const way = relative(dirname(file.fileName), takenFile(folder, name, path)).replaceAll(sep, "/");
    text = text.replaceAll(
      `from "${name}"`,
      `from "${way.startsWith(".") ? way : `./${way}`}"`.replace(".d.ts", ".js"),
    );
  }
  return `${text}\n`;
}

/**
 * An alias with the types that are derived from schemas written out.
 * @param {ts.TypeAliasDeclaration} alias
 * @param {string} text its own
 * @param {RegExp} mentions
 * @param {ts.TypeChecker} checker
 */
function written(alias, text, mentions, checker) {
  /** @type {{ from: number, to: number, type: string }[]} */
  const edits = [];
  const visit = (/** @type {ts.Node} */ node) => {
    if (ts.isTypeReferenceNode(node) && mentions.test(`${node.typeName.getText()}.`)) {
      const type = printType(checker.getTypeFromTypeNode(node), checker);
      edits.push({ from: node.getStart() - alias.pos, to: node.end - alias.pos, type });
    } else ts.forEachChild(node, visit);
  };
  visit(alias.type);
  return edits.reduceRight(
    (edited, { from, to, type }) => edited.slice(0, from) + type + edited.slice(to),
    text,
  );
}

/**
 * An import of what is still used; nothing when nothing is.
 * @param {ts.ImportDeclaration} statement
 * @param {string} text its own
 * @param {string} used
 */
function narrowed(statement, text, used) {
  const isUsed = (/** @type {ts.Identifier} */ name) => new RegExp(`(?<![\\w.])${name.text}\\b`).test(used);
  const bindings = statement.importClause?.namedBindings;
  if (!bindings) return text;
  if (ts.isNamespaceImport(bindings)) return isUsed(bindings.name) ? text : "";
  const kept = bindings.elements
    .filter((element) => isUsed(element.name))
    .map((element) => element.getText());
  if (kept.length === 0) return "";
  return text.replace(bindings.getText(), `{ ${kept.join(", ")} }`);
}
