import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadTask } from "../../src/tasks/load.ts";
import type { TaughtTask } from "../../src/tasks/task.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

const made = `
export default ({ word = "yes" }) => ({
  description: "Say " + word,
  example: (seed, split) => ({ id: split + "/" + seed, answer: word, messages: [{ role: "user", content: "?" }] }),
  sizes: { train: 9, validation: 0, test: 3 },
  demonstration: ({ answer }, mode) => mode + " " + answer,
  reward: ({ text }, { answer }) => ({ value: text === answer ? 1 : 0, parts: {} }),
});`;

let folder: string;
const address = (name: string) => pathToFileURL(join(folder, name)).href;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "module-task-"));
  await writeFile(join(folder, "made.mjs"), made);
  await writeFile(
    join(folder, "plain.mjs"),
    made.replace('({ word = "yes" }) => (', "").replace(/\);$/, ";").replaceAll("word", '"no"'),
  );
  await writeFile(join(folder, "none.mjs"), "export default 3;");
  await writeFile(join(folder, "torn.mjs"), "export default {");
});
afterAll(() => rm(folder, { recursive: true }));

describe("a task that is a module", () => {
  it("is made of the spec's other options", async () => {
    const task = await loadTask({ name: "module", url: address("made.mjs"), word: "ja" });
    expect(task).toMatchObject({ name: "module", description: "Say ja", sizes: { train: 9 } });
    const example = await task.example(4);
    expect(example).toMatchObject({ id: "train/4", answer: "ja" });
    expect(
      "demonstration" in task &&
        (task as TaughtTask).demonstration((await task.example(0)) as never, "think"),
    ).toBe("think ja");
    const completion = { text: "ja", tokens: [1], finishReason: "stop" as const };
    expect(await task.reward(completion, example)).toEqual({ value: 1, parts: {} });
  });

  it("may be the task itself, found relative to a base", async () => {
    const task = await loadTask(
      { name: "module", url: "./plain.mjs" },
      {
        base: address("recipe.json"),
      },
    );
    expect(await task.example(0, "test")).toMatchObject({ id: "test/0", answer: "no" });
  });

  it.each<[string, string | undefined, RegExp]>([
    ["none.mjs", undefined, /none\.mjs: default export: got "?number/],
    ["torn.mjs", undefined, /torn\.mjs: got .*expected an ES module/],
    ["absent.mjs", undefined, /absent\.mjs: got .*expected an ES module/],
    ["", "", /task module: url: got .*expected the address/],
    ["", "./relative.mjs", /task module: url: got \.\/relative\.mjs, expected an absolute address/],
  ])("refuses %s %s", async (name, url, message) => {
    const loading = loadTask({ name: "module", url: url ?? address(name) });
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toBeInstanceOf(InvalidOptionError);
  });

  it("leaves the kit's own tasks as they are", async () => {
    expect(await loadTask({ name: "letter-share" })).toMatchObject({ name: "letter-share" });
  });
});
