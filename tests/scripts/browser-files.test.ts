import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { checkBrowserFiles, filesOf, problemsOf } from "../../scripts/browser-files.mjs";

const worker = `new Worker(new URL("./engine-worker.js",import.meta.url),{type:"module",name:"engine"})`;

describe("what a browser or a bundler would not take is caught", () => {
  test.each([
    ["a package", `import{wrap as e}from"comlink";e();`, "imports comlink"],
    ["a package for its effects", `import"node:module";var a=1;`, "imports node:module"],
    ["a package that is exported again", `export*from"valibot";`, "imports valibot"],
    ["a package, later", "await import(`sharp`)", "imports sharp"],
    ["a package behind comments", `import(\n/* @vite-ignore */\n"sharp")`, "imports sharp"],
    ["eval", `eval("1")`, "'unsafe-eval'"],
    ["a function from text", `new Function("return 1")`, "'unsafe-eval'"],
    ["WebAssembly", `WebAssembly.compile(x)`, "'wasm-unsafe-eval'"],
    ["a computed import without comments", `import(e)`, "computed"],
    ["a computed import that webpack would follow", `import(/* @vite-ignore */e)`, "computed"],
    ["a worker from a variable", `new Worker(e,{type:"module"})`, "starts a worker"],
    ["a worker's name as a template", worker.replaceAll('"', "`"), "starts a worker"],
  ])("%s", (_what, code, problem) => {
    expect(problemsOf(code)).toEqual([expect.stringContaining(problem)]);
  });
});

test("code from text is let through where it is known", () => {
  expect(problemsOf(`Function("x")`, true)).toEqual([]);
  expect(problemsOf(`import"idb";Function("x")`, true)).toHaveLength(1);
});

test("a text that looks like an import is none", () => {
  expect(problemsOf('throw Error(`read from "${a}"`)')).toEqual([]);
});

test("what both take is let through", () => {
  const code = `import{a as e}from"./wire-1.js";export*from"./rules-2.js";
    await import("./training-3.js");import(\n/* @vite-ignore */\n/* webpackIgnore: true */\ne);${worker}`;
  expect(problemsOf(code)).toEqual([]);
});

describe("files that an entry loads", () => {
  const folder = mkdtempSync(join(tmpdir(), "thinktab-files-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const files = {
    "client.js": `import{a}from"./wire.js";import("./later.js");${worker}`,
    "wire.js": `import"./errors.js";`,
    "errors.js": "",
    "later.js": "",
    "engine-worker.js": "",
  };
  for (const [name, code] of Object.entries(files)) writeFileSync(join(folder, name), code);

  test("are those it imports, and those import", () => {
    expect(filesOf(folder, "client.js")).toEqual(["client.js", "wire.js", "errors.js"]);
    expect(() => checkBrowserFiles(folder, ["client"])).not.toThrow();
  });

  test.each(["later.js", "engine-worker.js", "errors.js"])("%s, which was not built", (name) => {
    rmSync(join(folder, name));
    expect(() => checkBrowserFiles(folder, ["client"])).toThrow(`names ${name}, which was not built`);
    writeFileSync(join(folder, name), "");
  });

  test("are all looked at", () => {
    writeFileSync(join(folder, "later.js"), `import"idb";`);
    expect(() => checkBrowserFiles(folder, ["client"])).toThrow(/later\.js: imports idb/);
  });
});
