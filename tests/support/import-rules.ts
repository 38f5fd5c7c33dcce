/** The rules of who may import whom, and a checker for them. Works on texts, so that it can be held to planted breaches. */
import { posix } from "node:path";
import ts from "typescript";

/**
 * Which folders a folder's files may import, besides their own. Lower layers stand first; the table has no cycle.
 * `gpu` gives every layer above it the handles (Tensor, Recorder, Program) that it passes on. A run of `train` measures
 * the policy before and after by `evaluation`, which knows nothing of training.
 */
export const allowedEdges: Readonly<Record<string, readonly string[]>> = {
  shaders: [],
  recipes: [],
  "src/util": [],
  "src/gpu": ["src/util"],
  "src/reference": ["src/util"],
  "src/rl": ["src/util"],
  "src/kernels": ["shaders", "src/gpu", "src/util"],
  "src/self-test": ["src/kernels", "src/reference", "src/gpu", "src/util"],
  "src/layers": ["src/kernels", "src/gpu", "src/util"],
  "src/storage": ["src/util"],
  "src/data": ["src/storage", "src/util"],
  "src/models": ["src/layers", "src/storage", "src/data", "src/kernels", "src/gpu", "src/util"],
  "src/rollout": [
    "src/models",
    "src/layers",
    "src/storage",
    "src/data",
    "src/kernels",
    "src/gpu",
    "src/util",
  ],
  "src/tasks": ["src/data", "src/rl", "src/storage", "src/util"],
  "src/language-models": ["src/rollout", "src/models", "src/data", "src/storage", "src/rl", "src/util"],
  "src/evaluation": [
    "src/language-models",
    "src/rollout",
    "src/models",
    "src/rl",
    "src/tasks",
    "src/storage",
    "src/data",
    "src/util",
  ],
  "src/train": [
    "recipes",
    "src/evaluation",
    "src/rollout",
    "src/models",
    "src/rl",
    "src/tasks",
    "src/storage",
    "src/data",
    "src/layers",
    "src/kernels",
    "src/gpu",
    "src/util",
  ],
  "src/synthesis": [
    "src/language-models",
    "src/rollout",
    "src/models",
    "src/rl",
    "src/tasks",
    "src/storage",
    "src/data",
    "src/util",
  ],
  "src/handoff": [
    "src/train",
    "src/language-models",
    "src/models",
    "src/rl",
    "src/tasks",
    "src/storage",
    "src/data",
    "src/util",
  ],
};

/** Folders that join everything below them: all of src may be imported, but not the public surface of the library. */
const joins = ["src/cli", "src/engine.ts", "src/node.ts", "workers"];

/** Entries of the package besides the client: they are for its users. */
const entries = ["src/engine.ts", "src/node.ts", "src/rl/index.ts"];

/** The one module of workers/ that the page imports; from src/ it takes types only. */
const workersClient = "workers/client.ts";

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

/**
 * Every breach of the rules in these files, each as a line of text; empty when there is none.
 * @param sources texts by path relative to the repository, of src/, workers/ and demo/
 */
export function findBreaches(sources: ReadonlyMap<string, string>): string[] {
  const breaches: string[] = [];
  const edges: Import[] = [];
  for (const [path, text] of sources) {
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const imports = importsOf(file, path);
    edges.push(...imports);
    breaches.push(...imports.flatMap(breachOfEdge), ...namesOf(file, path));
  }
  return [...breaches, ...findCycles(edges)];
}

function breachOfEdge(edge: Import): string[] {
  const from = folderOf(edge.from);
  const to = folderOf(edge.to);
  const breach = (rule: string) => [`${edge.from} imports ${edge.to}: ${rule}`];
  if (entries.includes(edge.to)) return breach("only a user of the library imports its public surface");
  if (from === to) return [];
  if (from === "demo") {
    if (edge.to === workersClient || (edge.typeOnly && to.startsWith("src/"))) return [];
    return breach(`demo imports ${workersClient}, and types of src`);
  }
  if (joins.includes(from)) {
    return to.startsWith("src/") || to === "package.json" ? [] : breach(`${from} imports only src`);
  }
  const allowed = allowedEdges[from];
  if (allowed === undefined) return breach(`the folder ${from} has no rule in tests/support/import-rules.ts`);
  return allowed.includes(to) ? [] : breach(`${from} may import ${allowed.join(", ") || "nothing"}`);
}

/** The unit that rules speak of: "src/gpu", "workers", "demo", "shaders", or a file right in src/. */
function folderOf(path: string): string {
  const parts = path.split("/");
  return parts[0] === "src" ? parts.slice(0, 2).join("/") : parts[0];
}

/** Names that only one folder may use: WebGPU's interfaces in src/gpu, `document` in demo. */
function namesOf(file: ts.SourceFile, path: string): string[] {
  const breaches = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && !isMemberName(node)) {
      if (/^GPU[A-Z]/.test(node.text) && folderOf(path) !== "src/gpu") {
        breaches.add(`${path} names ${node.text}: only src/gpu does`);
      }
      if (node.text === "document" && folderOf(path) !== "demo") {
        breaches.add(`${path} names document: only demo does`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return [...breaches];
}

/** The name after a dot, or of an object's property: says nothing of what the identifier stands for elsewhere. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) ||
      ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent)) &&
    parent.name === node
  );
}

/** Relative imports and re-exports of a file, dynamic ones and `import("…")` types included. */
function importsOf(file: ts.SourceFile, from: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier) || !specifier.text.startsWith(".")) return;
    const to = posix.join(posix.dirname(from), specifier.text.replace(/\?.*$/, ""));
    found.push({ from, to, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** `import type { … }`, or an import of which every name is marked `type`. */
function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  return (
    !clause.name && !!names && ts.isNamedImports(names) && names.elements.every((name) => name.isTypeOnly)
  );
}

/** Each cycle of files once, found depth first. Type-only imports count: a cycle of ideas is one, too. */
function findCycles(edges: readonly Import[]): string[] {
  const targets = new Map<string, Set<string>>();
  for (const { from, to } of edges) targets.set(from, (targets.get(from) ?? new Set()).add(to));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const begin = path.indexOf(file);
    if (begin >= 0) {
      cycles.push(`cycle: ${[...path.slice(begin), file].join(" → ")}`);
      return;
    }
    if (done.has(file)) return;
    for (const to of targets.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return cycles;
}
