import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { describe, expect, test } from "vitest";
import { stripWgsl, strippedShaders } from "../../scripts/wgsl.mjs";
import { parseWgsl } from "../../src/gpu/wgsl.ts";
import { filesIn, readText } from "../support/tree.ts";

/** WGSL's tokens, the longest first as a compiler takes them; comments are found character by character. */
function tokensOf(source: string): string[] {
  let text = "";
  let depth = 0;
  let line = false;
  for (let i = 0; i < source.length; i++) {
    const pair = source.slice(i, i + 2);
    if (line) line = source[i] !== "\n";
    else if (pair === "/*") {
      depth++;
      i++;
      continue;
    } else if (pair === "*/" && depth > 0) {
      depth--;
      i++;
      text += " ";
      continue;
    } else if (pair === "//" && depth === 0) line = true;
    if (!line && depth === 0) text += source[i];
  }
  return text.match(/[A-Za-z_]\w*|\d[\w.]*|>>=|<<=|->|&&|\|\||\+\+|--|<<|>>|[-+*/%&|^=!<>]=|[^\s\w]/g) ?? [];
}

describe("stripped shaders", () => {
  const shaders = filesIn("shaders").filter((path) => path.endsWith(".wgsl"));

  test("the walk found them", () => expect(shaders.length).toBeGreaterThan(20));

  test.each(shaders)("%s: the same tokens, and the same for the parser", (path) => {
    const source = readText(path);
    const stripped = stripWgsl(source);
    expect(tokensOf(stripped)).toEqual(tokensOf(source));
    expect(parseWgsl(stripped, path)).toEqual(parseWgsl(source, path));
  });

  test("are a good deal shorter", () => {
    const lengths = shaders.map((path) => [readText(path).length, stripWgsl(readText(path)).length]);
    const [before, after] = [0, 1].map((i) => lengths.reduce((sum, pair) => sum + pair[i], 0));
    expect(after).toBeLessThan(0.75 * before);
  });
});

describe("stripWgsl", () => {
  test.each([
    ["a line comment", "let a = 1; // one\nlet b = 2;", "let a = 1;\nlet b = 2;"],
    ["a block comment between words", "let/* so */a = 1;", "let a = 1;"],
    ["nested block comments", "a /* x /* y */ z */ b", "a b"],
    ["a line comment's mark in a block comment", "a /* see // here */ b", "a b"],
    ["a block comment's mark in a line comment", "a // not /* here\nb", "a\nb"],
    ["a slash before a star's comment", "/*/ still */ a", "a"],
    ["the end of the text", "a // last", "a"],
    ["spaces and empty lines", "  fn f( a : u32 ,\n\n\t b: u32 ) {\n  }\n", "fn f(a:u32,\nb:u32){\n}"],
    [
      "operators that would become others",
      "x = a - -b & &c;\nvar y: array<vec2<f32> > = z;",
      "x = a - -b & &c;\nvar y:array<vec2<f32> > = z;",
    ],
    ["a division", "a / b * c", "a / b * c"],
  ])("%s", (_what, source, expected) => {
    expect(stripWgsl(source)).toBe(expected);
    expect(tokensOf(expected)).toEqual(tokensOf(source));
  });

  test("a comment without an end", () => {
    expect(() => stripWgsl("a /* b /* c */")).toThrow("a block comment has no end");
  });
});

test("a build strips shaders and nothing else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "thinktab-wgsl-"));
  try {
    writeFileSync(join(folder, "x.wgsl"), "let a = 1; // one\n");
    writeFileSync(join(folder, "x.txt"), "a // b\n");
    writeFileSync(
      join(folder, "main.js"),
      `import shader from "./x.wgsl?raw"; import text from "./x.txt?raw";
       console.log(shader, text, "https://example.org // not a comment");`,
    );
    const built = await build({
      configFile: false,
      root: folder,
      logLevel: "error",
      plugins: [strippedShaders()],
      build: { write: false, minify: false, rolldownOptions: { input: join(folder, "main.js") } },
    });
    const { output } = Array.isArray(built) ? built[0] : "output" in built ? built : { output: [] };
    const code = output.map((file) => (file.type === "chunk" ? file.code : "")).join("");
    expect(code).toContain('"let a = 1;"');
    expect(code).toContain('"a // b\\n"');
    expect(code).toContain("https://example.org // not a comment");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
