import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { trainingOf } from "../../src/train/run-recipe.ts";
import type { RunRecord } from "../../src/train/run-record.ts";
import { smallRecipe, tooWide } from "./recipe.ts";
import { thinktab } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "thinktab-replay-"));
const path = join(folder, "run", "run.json");
let record: RunRecord;

beforeAll(async () => {
  const recipe = smallRecipe(join(folder, "small.json"));
  const { code } = await thinktab("train", recipe, "--out", join(folder, "run"));
  expect(code).toBe(0);
  record = JSON.parse(readFileSync(path, "utf8")) as RunRecord;
}, 600_000);

/** A file with the record as `change` makes it. */
function changed(change: (record: RunRecord) => void): string {
  const copy = structuredClone(record);
  change(copy);
  const target = join(folder, "changed.json");
  writeFileSync(target, JSON.stringify(copy));
  return target;
}

describe("thinktab replay", { timeout: 600_000 }, () => {
  test("finds the same bits in a run as it was recorded, evaluations left out", async () => {
    const { code, out } = await thinktab("replay", path);
    expect(out).toMatch(/^The bits match: 3 steps, and the final adapter \(sha256 [0-9a-f]{12}…\)\.$/m);
    expect(tooWide(out)).toEqual([]);
    expect(code).toBe(0);
  });

  test("of its first steps alone says so; --json is the comparison", async () => {
    const { code, out, err } = await thinktab("replay", path, "--steps", "1", "--json");
    expect(JSON.parse(out)).toMatchObject({ steps: 1, same: true, firstDifferentStep: null });
    expect(err).toContain("The bits match in the first 1 of 3 steps.");
    expect(code).toBe(0);
  });

  test("names the first step that differs, and finds no reason in a record that was changed", async () => {
    const tampered = changed(({ metrics }) => (metrics[1].digest = "0".repeat(64)));
    const { code, out } = await thinktab("replay", tampered);
    expect(code).toBe(1);
    expect(out).toMatch(/^The bits differ from step 2 of 3 on\.$/m);
    expect(out).toContain("those of the record: it was changed");
    expect(tooWide(out)).toEqual([]);
  });

  test("finds other weights behind the same steps", async () => {
    const tampered = changed((run) => (run.weightsSha256 = "0".repeat(64)));
    const { code, out } = await thinktab("replay", tampered);
    expect(code).toBe(1);
    expect(out).toContain("The steps match, the final adapter does not");
  });

  test("tells another seed, adapter, version and variant as what may be the reason", async () => {
    const other = changed((run) => {
      trainingOf(run.recipe).seed = run.seed = 2;
      run.adapter.description = "another GPU";
      run.kit.version = "0.0.1";
      run.tuned["matmul.forward 1"] = 99;
    });
    const { code, out } = await thinktab("replay", other);
    expect(code).toBe(1);
    expect(out).toMatch(/^The bits differ from step 1 of 3 on\.$/m);
    expect(out).toMatch(/^adapter +recorded on another GPU, here /m);
    expect(out).toMatch(/^versions +recorded thinktab 0\.0\.1, node /m);
    expect(out).toMatch(/^kernels +the record's were tuned to its adapter/m);
    expect(tooWide(out)).toEqual([]);
  });

  test.each<[string, () => string[], number, RegExp]>([
    ["no such file", () => [join(folder, "none.json")], 1, /MissingFileError: .*none\.json: no such file/],
    ["no JSON", () => [join(folder, "run", "curves.svg")], 1, /CorruptFileError: .*it is not JSON/],
    ["no record", () => [join(folder, "small.json")], 1, /CorruptFileError: .*small\.json: format: got/],
    [
      "no such variable with a key",
      () => [path, "--judge-key-env", "NOT_SET_ANYWHERE"],
      2,
      /--judge-key-env: got a name that is not set/,
    ],
    ["too many steps", () => [path, "--steps", "4"], 2, /--steps: got 4, expected 1 to 3/],
    [
      "no such policy",
      () => [path, "--model", join(folder, "none")],
      1,
      /MissingFileError: .*none: no such folder/,
    ],
  ])("%s gets its error, without a stack", async (_, args, expected, message) => {
    const { code, err } = await thinktab("replay", ...args());
    expect(err).toMatch(message);
    expect(err).not.toContain("    at ");
    expect(code).toBe(expected);
  });
});
