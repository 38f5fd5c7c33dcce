import { describe, expect, test } from "vitest";
import { filesIn, readText } from "./support/tree.ts";

/** Lines a file may have: a guard against files that do too much, not a target. */
const maxLines: Record<string, number> = { ".ts": 450, ".tsx": 450, ".mjs": 450, ".wgsl": 220 };

/**
 * The op a shader belongs to: <stem>.wgsl, or <stem>-<part>.wgsl of an op whose kernels are in src/kernels/<stem>.ts.
 * A shader without such a file is taken to be an op of its own, which then lacks its places.
 */
function stemOf(shader: string, paths: readonly string[]): string {
  const parts = shader.split("-");
  const prefixes = parts.map((_, index) => parts.slice(0, parts.length - index).join("-"));
  return prefixes.find((stem) => paths.includes(`src/kernels/${stem}.ts`)) ?? shader;
}

/** The places that an op of these shaders lacks. */
function missingPlaces(paths: readonly string[]): string[] {
  const shaders = paths.flatMap((path) => /^shaders\/([^/]+)\.wgsl$/.exec(path)?.[1] ?? []);
  const stems = new Set(shaders.map((shader) => stemOf(shader, paths)));
  return [...stems]
    .flatMap((stem) => [
      `src/kernels/${stem}.ts`,
      `src/reference/${stem}.ts`,
      `tests/kernels/${stem}.test.ts`,
      `tests/reference/${stem}.test.ts`,
    ])
    .filter((place) => !paths.includes(place));
}

const paths = filesIn("shaders", "src", "workers", "demo", "tests", "scripts").filter(
  (path) => !path.startsWith("tests/fixtures/"),
);

test("every op has its kernel, its reference and the tests of both", () => {
  expect(paths.filter((path) => path.endsWith(".wgsl")).length).toBeGreaterThan(5); // the walk found the repository
  expect(missingPlaces(paths)).toEqual([]);
});

describe("an op that lacks a place is caught", () => {
  const whole = [
    "shaders/matmul.wgsl",
    "shaders/matmul-decode.wgsl",
    "shaders/lib/reduce.wgsl",
    "src/kernels/matmul.ts",
    "src/reference/matmul.ts",
    "tests/kernels/matmul.test.ts",
    "tests/reference/matmul.test.ts",
  ];

  test("a whole op lacks nothing; parts count to it, lib/ does not count", () => {
    expect(missingPlaces(whole)).toEqual([]);
  });

  test.each(whole.slice(4))("%s", (place) => {
    expect(missingPlaces(whole.filter((path) => path !== place))).toEqual([place]);
  });

  test("a shader of no op", () => {
    expect(missingPlaces([...whole, "shaders/gelu.wgsl"])).toContain("src/kernels/gelu.ts");
  });
});

test("files stay short enough to be read", () => {
  const long = paths.flatMap((path) => {
    const limit = maxLines[/\.\w+$/.exec(path)?.[0] ?? ""];
    const lines = limit === undefined ? 0 : readText(path).trimEnd().split("\n").length;
    return lines > limit ? [`${path}: ${lines} lines, at most ${limit}`] : [];
  });
  expect(long).toEqual([]);
});

test("files are named in kebab-case", () => {
  const code = paths.filter((path) => /\.(tsx?|mjs|wgsl)$/.test(path));
  const name = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|spec|d))?\.(tsx?|mjs|wgsl)$/;
  expect(code.filter((path) => !name.test(path.split("/").at(-1) ?? ""))).toEqual([]);
});

test("the lock file names no registry", () => {
  expect(readText("package-lock.json").match(/"resolved"|https?:\/\/[^"]*\.tgz/g)).toBeNull();
});
