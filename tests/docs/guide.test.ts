import { posix } from "node:path";
import { expect, test } from "vitest";
import { filesIn, readText } from "../support/tree.ts";
import { printed } from "./examples/support.ts";
import { codeBlocks, exampleText, withExamples } from "./pages.ts";

const root = new URL("../../", import.meta.url);
const pages = filesIn("docs/guide").filter((path) => path.endsWith(".md"));
const examples = filesIn("docs/guide/examples");

test("the guide is there", () => {
  expect(pages.length).toBeGreaterThan(8);
  expect(examples.length).toBeGreaterThan(8);
});

// `npx vitest run --project cpu tests/docs/guide.test.ts -u` writes the examples into the pages.
test.each(pages)("%s shows its examples as they are run", async (path) => {
  const page = readText(path);
  await expect(withExamples(page, posix.dirname(path))).toMatchFileSnapshot(new URL(path, root).pathname);
});

test.each(pages)("%s has no code that is not run", (path) => {
  const blocks = codeBlocks(readText(path));
  const loose = blocks.filter(
    ({ language, example }) => !example && /^(ts|tsx|js|html|json)$/.test(language),
  );
  expect(loose).toEqual([]);
});

test("every page but the index shows an example, and every example has a page and a test", () => {
  const shown = new Map(
    pages.map((path) => [
      path,
      codeBlocks(readText(path)).flatMap(({ example }) =>
        example ? [posix.join(posix.dirname(path), example.split("#")[0])] : [],
      ),
    ]),
  );
  for (const [path, paths] of shown) expect(paths.length, path).toBeGreaterThan(0);
  const onPages = [...shown.values()].flat();
  expect(examples.filter((path) => !onPages.includes(path))).toEqual([]);
  const importers = [...filesIn("tests/docs"), ...examples].map((path) => readText(path)).join("\n");
  expect(examples.filter((path) => !importers.includes(`/${posix.basename(path)}`))).toEqual([]);
});

test("every page stands in the index", () => {
  const index = readText("docs/guide/README.md");
  const names = pages.map((path) => posix.basename(path)).filter((name) => name !== "README.md");
  expect(names.filter((name) => !index.includes(`](${name})`))).toEqual([]);
});

test("npm scripts that a page names exist", () => {
  const { scripts } = JSON.parse(readText("package.json")) as { scripts: Record<string, string> };
  const lifecycle = ["test", "start", "pack", "ci", "install"];
  const named = [...pages, "README.md", "policies/toy/README.md"].flatMap((path) =>
    Array.from(readText(path).matchAll(/\bnpm run (?:-s )?([\w:]+)/g), ([, name]) => ({ path, name })),
  );
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter(({ name }) => !(name in scripts) && !lifecycle.includes(name))).toEqual([]);
});

test("the reward's page says what its example prints", async () => {
  const { lines } = await printed(() => import("../../docs/guide/examples/check-reward.ts"));
  const [output] = codeBlocks(readText("docs/guide/write-a-reward.md")).filter(({ output }) => output);
  expect(output.text.trimEnd().split("\n")).toEqual(lines);
});

test("a region is cut out of a file, without its marks", () => {
  const text =
    "import a;\n\n// #region one\nconst b = 1;\n// #endregion\n\n// #region two\nc();\n// #endregion\n";
  expect(exampleText(text, "one")).toBe("const b = 1;\n");
  expect(exampleText(text, "two")).toBe("c();\n");
  expect(exampleText(text)).toBe("import a;\n\nconst b = 1;\n\nc();\n");
  expect(() => exampleText(text, "three")).toThrow("no region three");
});
