import { existsSync, readdirSync, statSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import { filesIn, readText } from "../support/tree.ts";
import { anchors, links, slug } from "./pages.ts";

const root = new URL("../../", import.meta.url);
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...filesIn("docs", "policies", "recipes", "tests", "examples", "src", "demo", "scripts").filter(
    (path) => path.endsWith(".md") && !path.startsWith("docs/api/") && !path.includes("node_modules/"),
  ),
];

/** What of a page's links leads nowhere. `exists` and `read` take paths from the repository's root. */
function brokenLinks(
  path: string,
  read: (path: string) => string,
  exists: (path: string) => boolean,
): string[] {
  return links(read(path)).filter((link) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return false; // another site
    const [address, anchor] = link.split("#");
    const target = address === "" ? path : posix.join(posix.dirname(path), decodeURIComponent(address));
    if (target.startsWith("..") || !exists(target)) return true;
    return anchor !== undefined && !(target.endsWith(".md") && anchors(read(target)).has(anchor));
  });
}

test("the walk found the pages", () => {
  expect(pages).toContain("README.md");
  expect(pages).toContain("docs/guide/README.md");
  expect(pages.length).toBeGreaterThan(10);
});

test.each(pages)("links of %s lead somewhere", (path) => {
  expect(brokenLinks(path, readText, (target) => existsSync(new URL(target, root)))).toEqual([]);
});

test("folders that are linked to hold something", () => {
  const folders = pages.flatMap((path) =>
    links(readText(path))
      .filter((link) => !/^[a-z]+:|^#/i.test(link))
      .map((link) => posix.join(posix.dirname(path), link.split("#")[0]))
      .filter((target) => existsSync(new URL(target, root)) && statSync(new URL(target, root)).isDirectory()),
  );
  expect(folders.filter((folder) => readdirSync(new URL(folder, root)).length === 0)).toEqual([]);
});

describe("broken links are caught", () => {
  const files: Record<string, string> = {
    "docs/a.md": [
      "[there](b.md) [section](b.md#what-it-is) [own](#top) ![picture](c.png) [site](https://example.org/x)",
      "`[code](nowhere.md)` [gone](gone.md) [wrong](b.md#gone) [outside](../../x.md) [no section](c.png#x)",
    ].join("\n"),
    "docs/b.md": "# B\n\n## What it is?\n",
    "docs/c.png": "",
  };
  test("and right ones are not", () => {
    const read = (path: string) => files[path].replace(/^/, "# Top\n");
    expect(brokenLinks("docs/a.md", read, (path) => path in files)).toEqual([
      "gone.md",
      "b.md#gone",
      "../../x.md",
      "c.png#x",
    ]);
  });
  test("sections are named as GitHub names them", () => {
    expect(slug("Same seed, same bits")).toBe("same-seed-same-bits");
    expect(slug("`thinktab/rl` and [links](x.md)")).toBe("thinktabrl-and-links");
    expect([...anchors("# A\n## B\n## B\n```sh\n# no heading\n```\n")]).toEqual(["a", "b", "b-1"]);
  });
});
