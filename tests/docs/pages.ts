/** Pages of Markdown: their code blocks, and the examples that blocks show. */
import { posix } from "node:path";
import { readText } from "../support/tree.ts";

export interface CodeBlock {
  language: string;
  text: string;
  /** From a comment before the block, `<!-- example: FILE#REGION -->`: what it shows. */
  example: string | undefined;
  /** From `<!-- output: FILE -->`: what prints it. */
  output: string | undefined;
}

const fence = /(?:<!-- (example|output): (\S+) -->\n)?```(\w*)\n([\s\S]*?)```/g;

export function codeBlocks(page: string): CodeBlock[] {
  return Array.from(page.matchAll(fence), ([, kind, name, language, text]) => ({
    language,
    text,
    example: kind === "example" ? name : undefined,
    output: kind === "output" ? name : undefined,
  }));
}

/** The page with each example's text as its file has it. @param folder the page's, from the repository's root */
export function withExamples(page: string, folder: string): string {
  return page.replace(fence, (block, kind: string | undefined, name: string, language: string) => {
    if (kind !== "example") return block;
    const [path, region] = name.split("#");
    const text = exampleText(readText(posix.join(folder, path)), region);
    return `<!-- example: ${name} -->\n\`\`\`${language}\n${text}\`\`\``;
  });
}

const mark = /^\/\/ #(region|endregion).*\n/gm;

/** A file's text, or that between `// #region NAME` and `// #endregion`; without the marks. */
export function exampleText(file: string, region?: string): string {
  if (region === undefined) return file.replace(mark, "");
  const begin = `// #region ${region}\n`;
  const from = file.indexOf(begin);
  if (from < 0) throw new Error(`no region ${region}`);
  const to = file.indexOf("// #endregion", from);
  if (to < 0) throw new Error(`region ${region} does not end`);
  return file.slice(from + begin.length, to);
}

/** What GitHub makes of a heading for the address of its section. */
export function slug(heading: string): string {
  return heading
    .trim()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1") // a link's text alone
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, "")
    .replace(/\s/g, "-");
}

/** The page without its code: blocks, and spans within a line. */
export function prose(page: string): string {
  return page.replace(fence, "").replace(/`[^`\n]*`/g, "``");
}

/** Anchors of a page's sections; the second of the same name has -1. */
export function anchors(page: string): Set<string> {
  const found = new Map<string, number>();
  const headings = page.replace(fence, "").matchAll(/^#{1,6} +(.+?) *$/gm);
  return new Set(
    Array.from(headings, ([, heading]) => {
      const anchor = slug(heading);
      const count = found.get(anchor) ?? 0;
      found.set(anchor, count + 1);
      return count === 0 ? anchor : `${anchor}-${count}`;
    }),
  );
}

/** Addresses that a page links to or shows. */
export function links(page: string): string[] {
  return Array.from(
    prose(page).matchAll(/!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)/g),
    ([, address]) => address,
  );
}
