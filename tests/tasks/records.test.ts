import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openDataFile, openImages } from "../../src/cli/data-files.ts";
import { REASONING_SYSTEM_PROMPT } from "../../src/data/system-prompt.ts";
import { loadMathEngine } from "../../src/rl/verifiers/math-engine.ts";
import { loadTask } from "../../src/tasks/load.ts";
import { openRecords } from "../../src/tasks/records.ts";
import type { RecordsHost, RecordsTask } from "../../src/tasks/records.ts";
import { createTask } from "../../src/tasks/registry.ts";
import { isTaught, splits } from "../../src/tasks/task.ts";
import { memorySource } from "../../src/storage/source.ts";
import { CorruptFileError, InvalidOptionError } from "../../src/util/errors.ts";
import type { PolicyPrompt } from "../../src/rollout/policy.ts";
import { drawPrompts } from "../../src/train/draw-prompts.ts";
import { parseSftRunOptions } from "../../src/train/run-recipe.ts";
import { demonstrations } from "../../src/train/run-trainer.ts";
import { badRows, madeRecord, writeRecords } from "../support/records.ts";
import type { RecordSet } from "../support/records.ts";

const host: RecordsHost = { openData: openDataFile, openImages, services: { math: loadMathEngine } };
const count = 60;
let set: RecordSet;
let task: RecordsTask;
beforeAll(async () => {
  set = await writeRecords(count);
  task = await openRecords({ data: set.data, images: set.images, validation: 0.1, test: 0.2 }, host);
});

/** Every record of a split, by its number. */
async function numbers(of: RecordsTask, split: (typeof splits)[number]): Promise<number[]> {
  const ids = await Promise.all(
    Array.from({ length: of.sizes[split] }, async (_, seed) => (await of.example(seed, split)).id),
  );
  return ids.map((id) => Number(id.split("/")[1]));
}

describe("task records", () => {
  it("takes the good rows, and counts and lists the others", () => {
    expect(task.report).toMatchObject({ rows: count + badRows.length, accepted: count });
    const { rejected } = task.report;
    expect(rejected.byReason).toEqual(Object.fromEntries(badRows.map(([reason]) => [reason, 1])));
    expect(rejected.listed.map(({ number }) => number)).toEqual(badRows.map((_, at) => count + 1 + at));
    expect(task.description).toContain("60 records of records.jsonl");
    expect(task.description).toContain("5 rejected (1 broken-json, 1 empty-answer, 1 unsafe-path");
  });

  it("divides the records by a hash: each is in one split, and stays there when others come", async () => {
    const members = await Promise.all(splits.map((split) => numbers(task, split)));
    expect(members.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    expect(task.sizes.train + task.sizes.validation + task.sizes.test).toBe(count);
    expect(task.sizes.test).toBeGreaterThan(5);
    expect(task.sizes.test).toBeLessThan(20);
    const larger = await writeRecords(2 * count, { bad: false });
    const options = { data: larger.data, images: larger.images, validation: 0.1, test: 0.2 };
    const grown = await openRecords(options, host);
    const before = new Set(members[splits.indexOf("test")]);
    const after = (await numbers(grown, "test")).filter((number) => number <= count);
    expect(new Set(after)).toEqual(before);
    const other = await openRecords({ ...options, data: set.data, seed: 1 }, host);
    expect(new Set(await numbers(other, "test"))).not.toEqual(before);
  });

  it("leaves none of three records' splits empty, and makes none where its share is 0", async () => {
    const small = await writeRecords(4, { bad: false });
    const options = { data: small.data, images: small.images };
    expect((await openRecords({ ...options, test: 1e-6, validation: 1e-6 }, host)).sizes).toEqual({
      train: 2,
      validation: 1,
      test: 1,
    });
    const whole = await openRecords({ ...options, test: 0, validation: 0 }, host);
    expect(whole.sizes).toEqual({ train: 4, validation: 0, test: 0 });
    await expect(whole.example(0, "test")).rejects.toThrow("split: got test, of a data set of 4 train");
  });

  it("gives an example with its system turn, picture, question and columns; the same for the same seed", async () => {
    const example = await task.example(3);
    expect(await task.example(3, "train")).toEqual(example);
    const number = Number(example.id.split("/")[1]);
    const { image_path, ...record } = madeRecord(number - 1);
    expect(example).toMatchObject({ ...record, kind: record.category });
    const png = new Uint8Array(readFileSync(join(set.images, image_path)));
    expect(example.images).toEqual([png]);
    expect(example.messages).toEqual([
      { role: "system", content: REASONING_SYSTEM_PROMPT },
      {
        role: "user",
        content: [
          { type: "image", image: png },
          { type: "text", text: record.problem },
        ],
      },
    ]);
    // Rounds: each once, and then in another order.
    const [first, second] = await Promise.all(
      [0, 1].map(async (round) => {
        const { train } = task.sizes;
        return Promise.all(
          Array.from({ length: train }, async (_, i) => (await task.example(round * train + i)).id),
        );
      }),
    );
    expect(new Set(first).size).toBe(task.sizes.train);
    expect(new Set(second)).toEqual(new Set(first));
    expect(second).not.toEqual(first);
  });

  it("demonstrates reasoning and answer, the answer's column being the authority", async () => {
    expect(isTaught(task)).toBe(true);
    const example = await task.example(0);
    const { refined_cot, answer } = example;
    expect(task.demonstration(example, "think")).toBe(
      `<think>${refined_cot}</think>\n<answer>${answer}</answer>`,
    );
    expect(task.demonstration(example, "answer")).toBe(`<answer>${answer}</answer>`);
  });

  it.each([1, 2, 3])("is demonstrated in whole rounds from the first step on, with seed %d", async (seed) => {
    const { train } = task.sizes;
    const next = demonstrations(task, parseSftRunOptions({ steps: 1, seed }));
    const round = (number: number) =>
      Promise.all(Array.from({ length: train }, async (_, i) => (await next(number * train + i)).messages));
    const all = (await Promise.all((await numbers(task, "train")).map((_, i) => task.example(i)))).map(
      (one) => one.messages,
    );
    for (const shown of [await round(0), await round(1)]) {
      expect(shown).toHaveLength(train);
      expect(shown).toEqual(expect.arrayContaining(all));
    }
  });

  it("is drawn by GRPO once before any comes again; the same for the same seed, in another order for others", async () => {
    const { train } = task.sizes;
    const promptsPerStep = 4;
    const maxPositionEmbeddings = 100;
    const draw = async (seed: number, at: number) => {
      const recipe = { seed, promptsPerStep, maxCompletionLength: 1, system: null };
      const policy = {
        model: { config: { text: { maxPositionEmbeddings } } },
        encode: () =>
          Promise.resolve({ ids: new Uint32Array(1), tokens: [1], images: [] } as object as PolicyPrompt),
      };
      const { examples, seeds } = await drawPrompts(at, { policy, task, recipe });
      expect(await task.example(seeds[1])).toEqual(examples[1]);
      return examples.map(({ id }) => id);
    };
    const rounds = Math.ceil((2 * train) / promptsPerStep);
    const order = async (seed: number) =>
      (await Promise.all(Array.from({ length: rounds }, (_, at) => draw(seed, at)))).flat();
    const [once, again, other] = [await order(1), await order(1), await order(2)];
    expect(new Set(once.slice(0, train)).size).toBe(train);
    expect(new Set(once.slice(train, 2 * train)).size).toBe(train);
    expect(again).toEqual(once);
    expect(other).not.toEqual(once);
  });

  it("takes another system prompt, or none", async () => {
    const options = { data: set.data, images: set.images };
    const own = await openRecords({ ...options, system: "Be brief." }, host);
    expect((await own.example(0)).messages[0]).toEqual({ role: "system", content: "Be brief." });
    const none = await openRecords({ ...options, system: null }, host);
    expect((await none.example(0)).messages.map(({ role }) => role)).toEqual(["user"]);
    expect([task.system, own.system, none.system]).toEqual([REASONING_SYSTEM_PROMPT, "Be brief.", null]);
  });

  it("rewards by the hybrid reward", async () => {
    const example = await task.example(0);
    const completion = (text: string) => ({ text, tokens: [], finishReason: "stop" as const });
    const right = await task.reward(completion(task.demonstration(example, "think")), example);
    expect(right).toMatchObject({ value: 1, parts: { accuracy: 1, format: 1 } });
    const wrong = await task.reward(completion("<think>so</think><answer>pink</answer>"), example);
    expect(wrong).toMatchObject({ value: 0.3, parts: { accuracy: 0, format: 1 } });
    const weights = { accuracy: 0.5, format: 0.5 };
    const even = await openRecords({ data: set.data, images: set.images, reward: { weights } }, host);
    expect(await even.reward(completion(`<answer>${example.answer}</answer>`), example)).toMatchObject({
      value: 0.5,
    });
  });

  it("reads other formats too, whose rows it keeps as text", async () => {
    const other = await writeRecords(12, { file: "records.json" });
    const read = await openRecords({ data: other.data, images: other.images, test: 0, validation: 0 }, host);
    expect(read.report).toMatchObject({ accepted: 12, rejected: { byReason: { duplicate: 1 } } });
    expect((await numbers(read, "train")).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    const conversation = {
      conversations: [
        { from: "human", value: "<image>\nWhat colour?" },
        { from: "gpt", value: "<think>hm</think>\n<answer>red</answer>" },
      ],
      images: ["pictures/red.png"],
    };
    const lines = [conversation, { ...conversation, images: ["pictures/none.png"] }, { conversations: [] }];
    writeFileSync(join(other.folder, "chats.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));
    const chats = await openRecords(
      {
        data: join(other.folder, "chats.jsonl"),
        images: other.images,
        test: 0,
        validation: 0,
        requireReasoning: true,
      },
      host,
    );
    expect(chats.report).toMatchObject({ rows: 3, accepted: 1 });
    expect(await chats.example(0)).toMatchObject({
      problem: "What colour?",
      answer: "red",
      refined_cot: "hm",
    });
  });

  it("requires reasoning where it is told to", async () => {
    const other = await writeRecords(3, { bad: false });
    appendFileSync(other.data, `${JSON.stringify({ ...madeRecord(5), refined_cot: "" })}\n`);
    const options = { data: other.data, images: other.images };
    expect((await openRecords(options, host)).report.accepted).toBe(4);
    const strict = await openRecords({ ...options, requireReasoning: true }, host);
    expect(strict.report.rejected.byReason).toEqual({ "empty-reasoning": 1 });
  });

  it("takes files that a page was given, and asks for them again when a saved recipe has lost them", async () => {
    const file = new File([readFileSync(set.data)], "records.jsonl");
    const picture = (name: string) => new Blob([readFileSync(join(set.images, `pictures/${name}.png`))]);
    const files = new Map(
      ["red", "green", "blue", "white"].map((name) => [`mine/pictures/${name}.png`, picture(name)]),
    );
    const spec = {
      name: "records",
      data: { name: file.name, file },
      images: { name: "mine", files },
      validation: 0.1,
      test: 0.2,
    };
    const given = await loadTask(spec);
    expect(given.sizes).toEqual(task.sizes);
    expect(await given.example(7)).toEqual(await task.example(7));
    expect(await loadTask({ ...spec })).toBe(given); // not read through again
    const other = new File([readFileSync(set.data)], "records.jsonl", { lastModified: 1 });
    expect(await loadTask({ ...spec, data: { name: other.name, file: other } })).not.toBe(given);
    const unnamed = () => ({ name: file.name, file: new Blob([readFileSync(set.data)]) });
    const once = { ...spec, data: unnamed() };
    const read = await loadTask(once);
    expect(await loadTask({ ...once })).toBe(read);
    expect(await loadTask({ ...spec, data: unnamed() })).not.toBe(read); // it may hold anything
    const saved = JSON.parse(JSON.stringify(spec)) as typeof spec;
    await expect(loadTask(saved)).rejects.toThrow("data: got the name of records.jsonl, without the file");
  });

  it.each<[object, boolean]>([
    [{}, false],
    [{ images: "https://sets.example/pictures/" }, false],
    [{ checkImages: true }, true],
  ])("with %j, of a data set under an address, asks whether images are there: %s", async (options, asks) => {
    const bytes = new Uint8Array(readFileSync(set.data));
    const asked: string[] = [];
    const source = {
      ...memorySource({ "records.jsonl": bytes }),
      exists: (path: string) => Promise.resolve(asked.push(path) > 0),
    };
    const images = { name: "there", has: source.exists, read: () => Promise.resolve(new Uint8Array()) };
    const opened = await openRecords(
      { data: "https://sets.example/records.jsonl", ...options },
      {
        openData: () => Promise.resolve({ source, path: "records.jsonl" }),
        openImages: () => Promise.resolve(images),
      },
    );
    expect(opened.report.accepted).toBeGreaterThanOrEqual(count);
    expect(asked.length > 0).toBe(asks);
  });

  it("says when the file has changed since", async () => {
    const other = await writeRecords(9, { bad: false });
    const opened = await openRecords({ data: other.data, images: other.images }, host);
    const text = readFileSync(other.data, "utf8");
    writeFileSync(other.data, text.replaceAll('"problem"', '"other"').padEnd(text.length, " "));
    await expect(opened.example(0)).rejects.toThrow(CorruptFileError);
  });

  it.each<[object, RegExp]>([
    [{ dat: "x" }, /task records: dat: got an unknown option, expected \[one of, data, images/],
    [{}, /data: got nothing, expected a data set's address/],
    [{ test: 1 }, /test: got 1, expected a share/],
    [{ test: 0.6, validation: 0.5 }, /together below 1/],
    [{ seed: -1 }, /seed: got -1/],
    [{ system: 3 }, /system: got 3/],
    [{ from: "csv" }, /from: got csv/],
    [{ checkImages: "no" }, /checkImages: got no/],
    [{ images: 4 }, /images: got 4/],
  ])("refuses %j", async (options, message) => {
    const data = message.source.startsWith("data") ? {} : { data: set.data };
    const opening = openRecords({ ...data, ...options }, host);
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toBeInstanceOf(InvalidOptionError);
  });

  it("refuses a data set of which nothing can be taken, saying why, and `createTask` what takes time", async () => {
    await expect(openRecords({ data: set.data, images: set.folder }, host)).rejects.toThrow(
      /65 rows of records\.jsonl .* none that can be taken \(.*61 missing-image; row 1: pictures\/red\.png: not found/,
    );
    expect(() => createTask({ name: "records", data: set.data })).toThrow("`loadTask` loads this one");
  });
});
