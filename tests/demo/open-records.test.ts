import { beforeEach, describe, expect, test } from "vitest";
import { lacking, openFiles, recordsSpec, withOpenFiles } from "../../demo/state/open-records.ts";
import { draft } from "../../demo/train/recipe-draft.ts";

const set = {
  data: new Map([["mine.jsonl", new Blob(["12345"])]]),
  images: new Map([
    ["a/1.png", new Blob(["1"])],
    ["a/2.png", new Blob(["22"])],
  ]),
};
/** What a saved run has of a task. */
const saved = (files: typeof set) =>
  JSON.parse(JSON.stringify({ name: "records", ...recordsSpec(files) })) as { name: string };

beforeEach(() => {
  openFiles.value = null;
});

test("a data set is named with its files and their sizes; addresses stay addresses", () => {
  expect(recordsSpec({ ...set, format: "wethink" })).toEqual({
    data: { name: "mine.jsonl", size: 5, file: set.data.get("mine.jsonl") },
    images: { name: "2 files", size: 3, files: set.images },
    from: "wethink",
  });
  const data = "https://example.org/a.jsonl";
  expect(recordsSpec({ data })).toEqual({ data });
  const [file] = [new File(["x"], "a.zip")];
  expect(recordsSpec({ data, images: [file] }).images).toEqual({
    name: "a.zip",
    size: 1,
    files: new Map([["a.zip", file]]),
  });
});

describe("a saved run's files", () => {
  test("are lacking until the same ones are open again", () => {
    const task = saved(set);
    expect(lacking(task)).toEqual(["mine.jsonl", "2 files"]);
    expect(withOpenFiles(task)).toEqual(task);
    openFiles.value = set;
    expect(lacking(withOpenFiles(task))).toEqual([]);
    expect(withOpenFiles(task)).toEqual({ name: "records", ...recordsSpec(set) });
  });

  test("are not others of the name", () => {
    openFiles.value = { ...set, data: new Map([["mine.jsonl", new Blob(["123456"])]]) };
    expect(lacking(withOpenFiles(saved(set)))).toEqual(["mine.jsonl"]);
  });

  test("are none of a task of another kind, nor of addresses", () => {
    expect(lacking({ name: "shapes" })).toEqual([]);
    expect(lacking({ name: "records", data: "https://example.org/a.jsonl" })).toEqual([]);
  });
});

describe("the form's recipe", () => {
  beforeEach(() => {
    draft.choiceId.value = "toy";
    draft.choiceId.value = "records";
  });

  test("needs records that are open", () => {
    expect(() => draft.read("toy")).toThrow("records: got none");
  });

  test("asks the toy policy without a system prompt, and others with the task's", () => {
    openFiles.value = set;
    expect(draft.read("toy").task).toMatchObject({ name: "records", system: null, ...recordsSpec(set) });
    expect(draft.read("mine").task).not.toHaveProperty("system");
    expect(draft.text.value).not.toContain("mine.jsonl");
  });

  test("has the reward's options, which the form writes", () => {
    openFiles.value = set;
    expect(draft.reward(["weights", "accuracy"])).toBe(0.7);
    draft.setReward(["weights", "accuracy"], 0.9);
    draft.setReward(["module"], "https://example.org/r.js");
    expect(draft.read("toy").task.reward).toEqual({
      weights: { accuracy: 0.9, format: 0.3 },
      format: "strict",
      module: "https://example.org/r.js",
    });
    draft.setReward(["module"], undefined);
    expect(draft.text.value).not.toContain("module");
  });
});
