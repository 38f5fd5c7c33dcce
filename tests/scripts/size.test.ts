import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { aboveLimit, pageLoad, table } from "../../scripts/size.mjs";

describe("the page's first load", () => {
  let site: string;
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(site, name)), { recursive: true });
    writeFileSync(join(site, name), text);
    return gzipSync(text).length;
  };
  beforeEach(() => (site = mkdtempSync(join(tmpdir(), "thinktab-site-"))));
  afterEach(() => rmSync(site, { recursive: true }));

  test("is the document, what it names, what that imports, and the engine worker with what it imports", () => {
    const counted = [
      write(
        "index.html",
        `<link href="./assets/a.css"><link rel="modulepreload" href="./assets/shared.js"><script src="./assets/main.js">`,
      ),
      write("assets/a.css", "a{}"),
      write(
        "assets/main.js",
        `import"./shared.js";import("./tab.js");new URL("engine-worker-Ab_1-xyz.js",x)`,
      ),
      write("assets/shared.js", `import"./deep.js";`),
      write("assets/deep.js", "1"),
      write("assets/engine-worker-Ab_1-xyz.js", `import{a}from"./gpu.js";import("./training.js")`),
      write("assets/gpu.js", "2"),
    ];
    write("assets/tab.js", "3".repeat(1000));
    write("assets/training.js", "4".repeat(1000));
    expect(pageLoad(site)).toBe(counted.reduce((sum, bytes) => sum + bytes, 0));
  });

  test("is unknown before it is built", () => {
    expect(pageLoad(join(site, "none"))).toBeUndefined();
  });

  test("is not told without the engine", () => {
    write("index.html", `<script src="./assets/main.js">`);
    write("assets/main.js", "1");
    expect(() => pageLoad(site)).toThrow("got no engine worker");
  });
});

const loads = [
  { name: "one", initial: 1500, limit: 1500 },
  { name: "another", initial: 20_100, limit: 20_000, later: [["part", 1000] as [string, number]] },
  { name: "free", initial: 100_000 },
];

test("what is above its limit is named", () => {
  expect(aboveLimit(loads)).toEqual(["another: got 20.1 kB, at most 20.0 kB"]);
});

test("the table has size, limit, and what comes later", () => {
  expect(table(loads).split("\n")).toEqual([
    "one       1.5 kB  of at most 1.5 kB",
    "another  20.1 kB  of at most 20.0 kB  later 1.0 kB: part 1.0 kB",
    "free    100.0 kB",
  ]);
});
