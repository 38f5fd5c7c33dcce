import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { licenceText, packageOf } from "../../scripts/licences.mjs";

const modules = join(import.meta.dirname, "../../node_modules");

describe("packageOf", () => {
  test.each([
    ["/a/node_modules/comlink/dist/esm/comlink.mjs", "/a/node_modules/comlink"],
    ["/a/node_modules/@huggingface/jinja/dist/index.js", "/a/node_modules/@huggingface/jinja"],
    ["C:\\a\\node_modules\\idb\\build\\index.js", "C:/a/node_modules/idb"],
    ["/a/node_modules/b/node_modules/c/index.js", "/a/node_modules/b/node_modules/c"],
    ["/a/src/index.ts", undefined],
    ["\0rolldown/runtime.js", undefined],
  ])("%s", (id, folder) => {
    expect(packageOf(id)).toBe(folder);
  });
});

test("name, version, kind and text of each licence", () => {
  const text = licenceText([join(modules, "comlink"), join(modules, "idb")]);
  expect(text).toMatch(/^comlink \d+\.\d+\.\d+ \(Apache-2\.0\)\n-+\n/m);
  expect(text).toMatch(/^idb \d+\.\d+\.\d+ \(ISC\)\n-+\n/m);
  expect(text).toContain("Apache License");
  expect(text).toContain("Permission to use, copy, modify");
});

test("a package without a licence may not be shipped", () => {
  expect(() => licenceText([join(import.meta.dirname, "../..", "examples/plain")])).toThrow(
    "thinktab-example-plain: got no file with its licence",
  );
});
