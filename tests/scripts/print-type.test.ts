import ts from "typescript";
import { describe, expect, test } from "vitest";
import { printType } from "../../scripts/print-type.mjs";

/** TypeScript's own declarations, read once. */
const libraries = new Map<string, ts.SourceFile | undefined>();

/** The alias `T` of a source, written out. */
function printed(source: string): string {
  const name = "/source.ts";
  const options: ts.CompilerOptions = {
    strict: true,
    noLib: false,
    target: ts.ScriptTarget.ES2022,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (file, version) => {
    if (file === name) return ts.createSourceFile(file, source, version, true);
    if (!libraries.has(file)) libraries.set(file, read(file, version));
    return libraries.get(file);
  };
  const program = ts.createProgram([name], options, host);
  const alias = program.getSourceFile(name)?.statements.find(ts.isTypeAliasDeclaration);
  if (!alias) throw new Error("no alias");
  const checker = program.getTypeChecker();
  return printType(checker.getTypeAtLocation(alias.name), checker);
}

describe("a type is written out", () => {
  test.each([
    ["number", "number"],
    ["boolean", "boolean"],
    ["boolean | null", "null | boolean"],
    ['"a" | "b"', '"a" | "b"'],
    ["unknown", "unknown"],
    ["string[]", "string[]"],
    ["(1 | 2)[]", "(1 | 2)[]"],
    ["[number, string]", "[number, string]"],
    ["{}", "{}"],
    ["{ a?: number }", "{\n    a?: number;\n}"],
    ["{ a?: number | null }", "{\n    a?: number | null;\n}"],
    ['{ "a-b": 1 }', '{\n    "a-b": 1;\n}'],
    ["{ [key: string]: number }", "{\n    [key: string]: number;\n}"],
    ["({ a: 1 } & { b: 2 })[]", "({\n    a: 1;\n} & {\n    b: 2;\n})[]"],
    ["{ a: { b: 1 } }", "{\n    a: {\n        b: 1;\n    };\n}"],
  ])("%s", (type, expected) => {
    expect(printed(`type T = ${type};`)).toBe(expected);
  });

  test("through whatever derives it, with the comments of its members", () => {
    const source = `type T = { [K in keyof S]?: S[K] }; interface S {\n/** In metres. */\nlength: number; }`;
    expect(printed(source)).toBe("{\n    /** In metres. */\n    length?: number;\n}");
  });
});

test.each(["() => void", "{ f(): void }"])("%s is no plain data", (type) => {
  expect(() => printed(`type T = ${type};`)).toThrow("is no plain data");
});
