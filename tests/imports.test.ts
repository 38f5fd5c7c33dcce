import { describe, expect, test } from "vitest";
import { allowedEdges, findBreaches } from "./support/import-rules.ts";
import { filesIn, readText } from "./support/tree.ts";

function sourcesOfTheRepository(): Map<string, string> {
  const paths = filesIn("src", "workers", "demo").filter((path) => /\.tsx?$/.test(path));
  return new Map(paths.map((path) => [path, readText(path)]));
}

test("nobody imports whom they may not, and there is no cycle", () => {
  const sources = sourcesOfTheRepository();
  expect(sources.size).toBeGreaterThan(30); // the walk found the repository
  expect(findBreaches(sources)).toEqual([]);
});

test("the table of rules itself has no cycle: each folder imports only folders listed before it", () => {
  const folders = Object.keys(allowedEdges);
  for (const [index, folder] of folders.entries()) {
    for (const to of allowedEdges[folder]) expect(folders.slice(0, index), `${folder} → ${to}`).toContain(to);
  }
});

describe("planted breaches are caught", () => {
  const breaches = (files: Record<string, string>) => findBreaches(new Map(Object.entries(files)));

  test.each([
    ["a value", `import { grpo } from "../rl/objective.ts";`],
    ["a type", `import type { Grpo } from "../rl/objective.ts";`],
    ["a re-export", `export * from "../rl/objective.ts";`],
    ["a dynamic import", `const rl = await import("../rl/objective.ts");`],
    ["an import type", `let objective: typeof import("../rl/objective.ts");`],
  ])("upwards, by %s", (_kind, text) => {
    expect(breaches({ "src/kernels/matmul.ts": text })).toEqual([
      "src/kernels/matmul.ts imports src/rl/objective.ts: src/kernels may import shaders, src/gpu, src/util",
    ]);
  });

  test("a shader from outside kernels", () => {
    const text = `import source from "../../shaders/gelu.wgsl?raw";`;
    expect(breaches({ "src/layers/mlp.ts": text })).toHaveLength(1);
    expect(breaches({ "src/kernels/gelu.ts": text })).toEqual([]);
  });

  test("a folder without a rule", () => {
    expect(breaches({ "src/misc/a.ts": `import "../util/assert.ts";` })).toEqual([
      expect.stringContaining("the folder src/misc has no rule"),
    ]);
  });

  test("the public surface from inside", () => {
    expect(breaches({ "workers/engine-worker.ts": `import { x } from "../src/engine.ts";` })).toHaveLength(1);
    expect(breaches({ "src/rl/reward.ts": `import { x } from "./index.ts";` })).toHaveLength(1);
    expect(breaches({ "workers/engine-worker.ts": `import { x } from "../src/train/grpo.ts";` })).toEqual([]);
  });

  test("a value of src in the page, which may have its types and the client", () => {
    const allowed = `
      import { connect } from "../workers/client.ts";
      import type { Message } from "../src/data/chat.ts";
      import { type Step } from "../src/train/grpo.ts";`;
    expect(breaches({ "demo/main.ts": allowed })).toEqual([]);
    expect(breaches({ "demo/main.ts": `import { chat } from "../src/data/chat.ts";` })).toHaveLength(1);
    expect(breaches({ "demo/main.ts": `import "../workers/engine-worker.ts";` })).toHaveLength(1);
  });

  test("a cycle, of types too", () => {
    const cycle = {
      "src/gpu/a.ts": `import type { B } from "./b.ts";`,
      "src/gpu/b.ts": `import { c } from "./c.ts";`,
      "src/gpu/c.ts": `import { a } from "./a.ts";`,
      "src/gpu/d.ts": `import { a } from "./a.ts";`,
    };
    expect(breaches(cycle)).toEqual(["cycle: src/gpu/a.ts → src/gpu/b.ts → src/gpu/c.ts → src/gpu/a.ts"]);
    expect(breaches({ ...cycle, "src/gpu/c.ts": "export const c = 1;" })).toEqual([]);
  });

  test("WebGPU's interfaces outside src/gpu", () => {
    const text = `export function upload(device: GPUDevice): void { device.queue.submit([]); }`;
    expect(breaches({ "src/models/decoder.ts": text })).toEqual([
      "src/models/decoder.ts names GPUDevice: only src/gpu does",
    ]);
    expect(breaches({ "src/gpu/device.ts": text })).toEqual([]);
    expect(breaches({ "src/models/decoder.ts": `// a GPUBuffer\nthrow new Error("no GPUBuffer");` })).toEqual(
      [],
    );
  });

  test("the document outside the page", () => {
    const text = `document.title = "x";`;
    expect(breaches({ "workers/client.ts": text })).toEqual([
      "workers/client.ts names document: only demo does",
    ]);
    expect(breaches({ "demo/main.ts": text })).toEqual([]);
  });
});
