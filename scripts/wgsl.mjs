/** Shaders in builds: their text without what only people read. */
import { readFile } from "node:fs/promises";

/**
 * A Vite plugin: `import source from "./x.wgsl?raw"` gives {@link stripWgsl}'s text in builds. A development server and
 * tests have the files as they are.
 * @returns {import("vite").Plugin}
 */
export function strippedShaders() {
  return {
    name: "stripped-shaders",
    apply: "build",
    enforce: "pre",
    load: {
      filter: { id: /\.wgsl\?raw$/ },
      async handler(id) {
        const source = await readFile(id.replace(/\?raw$/, ""), "utf8");
        return {
          code: `export default ${JSON.stringify(stripWgsl(source))};`,
          map: { mappings: "" },
          moduleType: "js",
          moduleSideEffects: false,
        };
      },
    },
  };
}

/**
 * WGSL without comments, indentation and empty lines, and without the spaces beside brackets, commas, colons and
 * semicolons. Spaces beside operators stay: without them `a - -b`, `a & &b` and `vec2<vec2f> = b` are other tokens.
 * Lines stay where they hold something, so that a compiler's message still points somewhere.
 * @param {string} source
 */
export function stripWgsl(source) {
  return withoutComments(source)
    .split("\n")
    .map((line) =>
      line
        .replace(/\s+/g, " ")
        .replace(/ ?([()[\]{},:;]) ?/g, "$1")
        .trim(),
    )
    .filter((line) => line !== "")
    .join("\n");
}

/**
 * A space in the place of each comment. WGSL has no strings in which one could seem to begin.
 * @param {string} source
 */
function withoutComments(source) {
  let kept = "";
  for (let at = 0; ;) {
    const begin = source.slice(at).search(/\/[/*]/);
    if (begin < 0) return kept + source.slice(at);
    kept += `${source.slice(at, at + begin)} `;
    at = endOfComment(source, at + begin);
  }
}

/**
 * A line comment ends before the line break. Block comments nest.
 * @param {string} source
 * @param {number} begin
 */
function endOfComment(source, begin) {
  if (source[begin + 1] === "/") {
    const end = source.indexOf("\n", begin);
    return end < 0 ? source.length : end;
  }
  const marks = /\/\*|\*\//g;
  marks.lastIndex = begin;
  for (let depth = 0, mark = marks.exec(source); mark; mark = marks.exec(source)) {
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  throw new Error("WGSL: a block comment has no end");
}
