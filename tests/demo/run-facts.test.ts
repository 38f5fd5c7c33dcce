import { describe, expect, test } from "vitest";
import {
  gpuName,
  judge,
  recipeDifferences,
  runFacts,
  sameRecipe,
  shortened,
  versionNames,
} from "../../demo/compare/run-facts.ts";
import { parseRunRecipe, shippedRecipes } from "../../workers/client.ts";
import { hash, recordOf } from "./run-record.ts";

test("of a long text the beginning is shown, and how long it is", () => {
  expect(shortened("x".repeat(200))).toBe("x".repeat(200));
  expect(shortened("x".repeat(1_000_000))).toBe(`${"x".repeat(200)}… (1000000 characters)`);
});

describe("judging a replay", () => {
  test("the same bits", () => {
    const verdict = judge(recordOf("abc"), recordOf("abc", { adapter: { vendor: "other" } }));
    expect(verdict).toEqual({
      same: true,
      title: "The bits match: all 3 steps and the final adapter are the same.",
      reasons: [],
    });
  });

  test.each([
    ["xbc", "The bits differ from the first of 3 steps on."],
    ["abx", "The bits match for 2 of 3 steps, and differ from step 3 on."],
    ["ab", "The bits match for 2 of 3 steps, and differ from step 3 on."],
  ])("%s instead of abc", (digests, title) => {
    expect(judge(recordOf("abc"), recordOf(digests))).toMatchObject({ same: false, title });
  });

  test("the same steps and another adapter", () => {
    const { same, title } = judge(recordOf("abc"), recordOf("abc", { weightsSha256: hash("0") }));
    expect([same, title]).toEqual([false, "The steps match, the final adapter does not."]);
  });

  test("names everything that explains it, each side with what it is", () => {
    const here = recordOf("xyz", {
      adapter: { vendor: "nvidia", architecture: "ampere" },
      kit: { version: "0.2.0", node: "20.20.2" },
      tuned: { "matmul.forward 1": 2 },
    });
    const { reasons } = judge(recordOf("abc"), here);
    expect(reasons).toHaveLength(3);
    expect(reasons[0]).toContain("recorded llvmpipe (LLVM 15), mesa llvmpipe, here nvidia ampere.");
    expect(reasons[1]).toBe("Other versions: recorded thinktab 0.1.0; here thinktab 0.2.0, node 20.20.2.");
    expect(reasons[2]).toMatch(/^Other kernel variants/);
  });

  test("one GPU with other features is another GPU by the same name", () => {
    const { adapter } = recordOf("abc");
    const { reasons } = judge(recordOf("abc"), recordOf("abx", { adapter: { ...adapter, f16: true } }));
    expect(reasons).toEqual([expect.stringContaining("mesa llvmpipe with other features.")]);
  });

  test("says so when nothing explains it", () => {
    expect(judge(recordOf("abc"), recordOf("abx")).reasons).toEqual([
      expect.stringMatching(/^GPU, versions and kernel variants are the same/),
    ]);
  });
});

test("recipes differ option by option, options that one lacks included", () => {
  const toy = parseRunRecipe(shippedRecipes.toy);
  const other = parseRunRecipe(
    { ...(shippedRecipes.toy as object), format: "f32" },
    { steps: 3, seed: 9, scenes: 7 },
  );
  if ("sft" in toy || "sft" in other) throw new Error("the toy recipe is GRPO");
  expect(recipeDifferences(toy, toy)).toEqual([]);
  const differences = recipeDifferences(toy, other);
  expect(differences).toContainEqual(["grpo.steps", String(toy.grpo.steps), "3"]);
  expect(differences).toContainEqual(["grpo.seed", String(toy.grpo.seed), "9"]);
  expect(differences).toContainEqual(["evaluation.scenes", String(toy.evaluation.scenes), "7"]);
  expect(differences.map(([path]) => path)).toEqual([...differences.map(([path]) => path)].sort());
  expect(differences.find(([path]) => path === "format")?.[2]).toBe('"f32"');
});

test("recipes that evaluate differently train the same", () => {
  const toy = parseRunRecipe(shippedRecipes.toy);
  expect(sameRecipe(toy, parseRunRecipe(shippedRecipes.toy, { scenes: 1 }))).toBe(true);
  expect(sameRecipe(toy, parseRunRecipe(shippedRecipes.toy, { seed: 77 }))).toBe(false);
});

test("a record's facts: what it is of, how it came out, its hashes", () => {
  const evaluation = {
    count: 8,
    interval: [0, 1] as [number, number],
    byKind: {},
    thinking: 0,
    meanLength: 3,
    parts: {},
  };
  const facts = runFacts(
    recordOf("abc", { before: { ...evaluation, accuracy: 0.5 }, after: { ...evaluation, accuracy: 0.75 } }),
  );
  const value = (name: string) => facts.find((fact) => fact.name === name)?.value;
  expect(value("Training")).toBe("GRPO");
  expect(value("Steps")).toBe("3");
  expect(value("Right answers")).toBe("50% → 75%");
  expect(value("Reward at the end")).toBe("0.5");
  expect(value("Took")).toBe("2 min");
  expect(value("Last step’s digest")).toBe(hash("c"));
  expect(value("Adapter’s SHA-256")).toBe(hash("f"));
});

test("names of GPUs and versions", () => {
  expect(gpuName({})).toBe("unknown");
  expect(gpuName({ vendor: 3, device: "Quadro" })).toBe("Quadro");
  const browser =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/144.0.0.0 Safari/537.36";
  expect(versionNames({ version: "0.1.0", browser })).toBe("thinktab 0.1.0, Chrome 144 on Linux");
});
