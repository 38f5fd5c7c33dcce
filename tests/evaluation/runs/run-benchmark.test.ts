import { describe, expect, test } from "vitest";
import { REASONING_SYSTEM_PROMPT } from "../../../src/data/system-prompt.ts";
import { ownBenchmark } from "../../../src/evaluation/benchmarks/own.ts";
import { findBenchmark } from "../../../src/evaluation/benchmarks/registry.ts";
import type { SampleRecord } from "../../../src/evaluation/runs/journal.ts";
import { runBenchmark } from "../../../src/evaluation/runs/run-benchmark.ts";
import { memoryStore, type BlobStore } from "../../../src/storage/blob-store.ts";
import { MissingFileError, ThinktabError } from "../../../src/util/errors.ts";
import { answererOf, drain, finish, pixels, table, textOf } from "./support.ts";

/** Five yes-or-no questions; "yes" is right for three of them. */
const rows = ["yes", "no", "yes", "no", "yes"].map((answer, i) => ({
  index: String(i),
  image: i === 0 ? pixels : "0",
  question: `question ${i}`,
  answer,
  category: i < 2 ? "first" : "second",
}));
const own = ownBenchmark("own", "yes-no");
const yes = () => answererOf(() => "<think>hm</think><answer>Yes</answer>");

async function lines(store: BlobStore, file: string): Promise<Record<string, unknown>[]> {
  const text = new TextDecoder().decode((await store.load(file)) ?? new Uint8Array(0));
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("asks every row with its image, scores, reports and keeps all of it", async () => {
  const store = memoryStore();
  const answerer = yes();
  const { report, events } = await finish(own, table(rows), answerer, { store });
  expect(report.headline).toMatchObject({ name: "Accuracy", value: 60, unit: "%", units: 5 });
  expect(report.counts).toMatchObject({ asked: 5, answered: 5, unanswered: 0, cut: 0, scored: 5 });
  expect(report.table.map(({ name, value, count }) => [name, value, count])).toEqual([
    ["Overall", 60, 5],
    ["first", 50, 2],
    ["second", expect.closeTo(66.667, 2), 3],
  ]);
  expect(events.map(({ type }) => type)).toEqual([
    "begun", "answered", "answered", "answered", "answered", "answered", "scoring", "finished",
  ]); // prettier-ignore

  const [first] = answerer.asked;
  expect(answerer.asked.map(({ position }) => position)).toEqual([0, 1, 2, 3, 4]);
  expect(first.messages[0]).toEqual({ role: "system", content: REASONING_SYSTEM_PROMPT });
  // The image of every row is that of the first, which the others name.
  for (const request of answerer.asked) {
    expect(request.messages[1].content).toEqual([
      { type: "image", image: new TextEncoder().encode("x".repeat(96)) },
      { type: "text", text: `question ${request.position}` },
    ]);
  }

  const [sample] = (await lines(store, "samples.jsonl")) as unknown[] as SampleRecord[];
  expect(sample).toEqual({
    position: 0,
    index: "0",
    columns: { index: "0", question: "question 0", answer: "yes", category: "first" },
    images: 1,
    prompt: "<image 1>question 0",
    response: "<think>hm</think><answer>Yes</answer>",
    tokens: 3,
    finishReason: "stop",
  });
  const scores = await lines(store, "scores.jsonl");
  expect(scores.map(({ score }) => score)).toEqual([1, 0, 1, 0, 1]);
  expect(scores[1]).toMatchObject({ index: "1", extracted: "Yes", how: "rule" });
  expect(await store.list()).toEqual([
    "report.csv", "report.json", "report.md", "samples.jsonl", "scores.jsonl", "settings.json",
  ]); // prettier-ignore
});

describe("a run that was interrupted", () => {
  test("goes on where it was, with a torn last line, and asks nothing twice", async () => {
    const store = memoryStore();
    const controller = new AbortController();
    const first = yes();
    const run = runBenchmark({
      benchmark: own,
      file: table(rows),
      answerer: first,
      store,
      signal: controller.signal,
    });
    const interrupted = async () => {
      for await (const event of run)
        if (event.type === "answered" && event.answered === 2) controller.abort(new Error("enough"));
    };
    await expect(interrupted()).rejects.toThrow("enough");
    expect(first.asked).toHaveLength(2);
    // The process died in the middle of a third line.
    await store.append("samples.jsonl", new TextEncoder().encode('{"position":2,"index":"2","colu'));

    const second = yes();
    const { report, events } = await finish(own, table(rows), second, { store });
    expect(events[0]).toMatchObject({ type: "begun", answered: 2, total: 5 });
    expect(second.asked.map(({ position }) => position)).toEqual([2, 3, 4]);
    const whole = await finish(own, table(rows), yes());
    expect(report).toEqual(whole.report);

    const third = yes();
    expect((await finish(own, table(rows), third, { store })).report).toEqual(whole.report);
    expect(third.asked).toEqual([]);
  });

  test("is refused with other settings, which are named", async () => {
    const store = memoryStore();
    await finish(own, table(rows), yes(), { store });
    const again = (more: object, file = table(rows)) => finish(own, file, yes(), { store, ...more });
    await expect(again({ sampling: { temperature: 0.5 }, limit: 2 })).rejects.toThrow(
      "got selection.limit 2, sampling.temperature 0.5, expected selection.limit null, sampling.temperature 0, as it was begun with",
    );
    await expect(again({ system: null })).rejects.toThrow(
      /got system null, expected system {"kind":"default"/,
    );
    await expect(again({ model: { adapter: "a" } })).rejects.toThrow(
      'got model.adapter "a", expected model.adapter absent',
    );
    const other = table(rows.map((row) => ({ ...row, answer: "no" })));
    await expect(again({}, other)).rejects.toThrow(
      /got data.sha256 "\w{12}…", expected data.sha256 "\w{12}…"/,
    );
    await expect(again({})).resolves.toBeDefined();
    // How answers are scored may change.
    expect((await again({ cutTags: false })).report.scoring.cutTags).toBe(false);
  });
});

test("answers without settings are not taken for the run's", async () => {
  const store = memoryStore();
  await finish(own, table(rows), yes(), { store });
  await store.delete("settings.json");
  await expect(finish(own, table(rows), yes(), { store })).rejects.toThrow(
    "memory: got 5 answers without settings.json",
  );
});

describe("a question without an answer", () => {
  const faulty = () => answererOf((text) => (text === "question 1" ? { error: "too long" } : "Yes"));

  test("is counted, in no figure, and asked again by a second run", async () => {
    const store = memoryStore();
    const { report, events } = await finish(own, table(rows), faulty(), { store });
    expect(events).toContainEqual({ type: "unanswered", index: "1", error: "too long", unanswered: 1 });
    expect(report.counts).toMatchObject({ asked: 5, answered: 4, unanswered: 1, scored: 4 });
    expect(report.headline.value).toBe(75);
    expect(report.notComparable).toContain("1 of 5 rows have no answer.");
    const second = yes();
    expect((await finish(own, table(rows), second, { store })).report.headline.value).toBe(60);
    expect(second.asked.map(textOf)).toEqual(["question 1"]);
  });

  test("as its image is missing, leaves the others alone", async () => {
    const paths = rows.map(({ index, question, answer }) => ({
      index, question, answer, image_path: `${index}.png`,
    })); // prettier-ignore
    const images = {
      name: "images",
      has: () => Promise.resolve(true),
      read: (path: string) =>
        path === "3.png"
          ? Promise.reject(new MissingFileError(`${path}: it is not there`))
          : Promise.resolve(new Uint8Array([1])),
    };
    const { report } = await finish(own, table(paths), yes(), { images });
    expect(report.counts).toMatchObject({ answered: 4, unanswered: 1 });
    const without = finish(own, table(paths), yes(), { stopAfter: 3 });
    await expect(without).rejects.toThrow(
      /3 questions in a row stay unanswered, .*2.png: row 3 of own.tsv in memory needs a folder of images/,
    );
  });

  test("for what it holds itself ends no run, however many there are; a second run goes on past them", async () => {
    const many = Array.from({ length: 30 }, (_, i) => ({
      index: String(i),
      question: `question ${i}`,
      answer: "yes",
      image_path: `${i}.png`,
    }));
    const images = {
      name: "images",
      has: () => Promise.resolve(true),
      read: (path: string) =>
        Number.parseInt(path) < 12
          ? Promise.reject(new MissingFileError(`${path}: it is not there`))
          : Promise.resolve(new Uint8Array([1])),
    };
    const tooLong = (text: string) => Number(text.replace("question ", "")) < 24;
    const first = answererOf((text) => (tooLong(text) ? { error: "too long", ofQuestion: true } : "Yes"));
    const store = memoryStore();
    for (const answered of [0, 6]) {
      const { report, events } = await finish(own, table(many), first, { store, images });
      expect(events[0]).toMatchObject({ answered });
      expect(report.counts).toMatchObject({ answered: 6, unanswered: 24 });
    }
  });

  test("ten in a row end the run; what was answered is kept", async () => {
    const many = Array.from({ length: 30 }, (_, i) => ({
      index: String(i),
      question: `question ${i}`,
      answer: "yes",
    }));
    const store = memoryStore();
    const down = answererOf((_, { position }) => (position < 4 ? "Yes" : { error: "status 500" }));
    const failed = finish(own, table(many), down, { store });
    await expect(failed).rejects.toThrow(ThinktabError);
    await expect(failed).rejects.toThrow(
      "10 questions in a row stay unanswered, the last one for: status 500",
    );
    expect(down.asked).toHaveLength(14);
    expect(await lines(store, "samples.jsonl")).toHaveLength(4);
  });
});

test("an error that is not of a question ends the run", async () => {
  const broken = answererOf(() => "Yes", { answer: () => Promise.reject(new Error("device lost")) });
  await expect(finish(own, table(rows), broken)).rejects.toThrow("device lost");
  const blind = answererOf(() => "Yes", { takesImages: false });
  await expect(finish(own, table(rows), blind)).rejects.toThrow("fake: images: got 1, expected none");
});

test("several calls are under way at a time, and no more", async () => {
  const many = Array.from({ length: 9 }, (_, i) => ({
    index: String(i),
    question: `question ${i}`,
    answer: "yes",
  }));
  let now = 0;
  let most = 0;
  const answerer = answererOf(() => "Yes", {
    batch: 1,
    concurrency: 3,
    answer: async ([{ position }]) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 12 - position));
      now--;
      return [{ text: "Yes" }];
    },
  });
  const { report, events } = await finish(own, table(many), answerer);
  expect(most).toBe(3);
  expect(report.headline.value).toBe(100);
  expect(events.filter(({ type }) => type === "answered")).toHaveLength(9);
});

describe("what is asked", () => {
  /** Three questions of two rotations each. */
  const circular = [0, 1, 2].flatMap((question) =>
    [0, 1].map((rotation) => ({
      index: String(question + rotation * 1_000_000),
      question: `question ${question}`,
      A: rotation === 0 ? "cat" : "dog",
      B: rotation === 0 ? "dog" : "cat",
      answer: rotation === 0 ? "A" : "B",
    })),
  );
  const benchmark = ownBenchmark("own", "circular-choice");

  test("a limit draws whole questions, the same ones for the same seed", async () => {
    const asked = async (limit: number, seed?: number) => {
      const answerer = answererOf(() => "A");
      await finish(benchmark, table(circular), answerer, { limit, seed });
      return answerer.asked.map(textOf).map((text) => /question \d/.exec(text)?.[0] ?? "");
    };
    const first = await asked(2);
    expect(first).toHaveLength(4);
    expect(new Set(first).size).toBe(2);
    expect(await asked(2)).toEqual(first);
    const draws = await Promise.all([1, 2, 3, 4, 5].map((seed) => asked(1, seed)));
    expect(new Set(draws.map(([text]) => text)).size).toBeGreaterThan(1);
    expect(await asked(3)).toHaveLength(6);
  });

  test("a circular question counts when every rotation is right", async () => {
    // Always "cat": right in both rotations. Always the first option: right in one.
    const cat = await finish(
      benchmark,
      table(circular),
      answererOf((text) => (text.includes("A. cat") ? "A" : "B")),
    );
    expect(cat.report.headline).toMatchObject({ value: 100, units: 3 });
    const first = await finish(
      benchmark,
      table(circular),
      answererOf(() => "A"),
    );
    expect(first.report.headline).toMatchObject({ value: 0, units: 3 });
  });

  test("a split, one that is not there, and a limit that is none", async () => {
    const split = rows.map((row, i) => ({ ...row, split: i < 3 ? "dev" : "val" }));
    const { report } = await finish(own, table(split), yes(), { split: "val" });
    expect(report.counts.asked).toBe(2);
    expect(report.settings.data.rows).toBe(5);
    await expect(finish(own, table(split), yes(), { split: "test" })).rejects.toThrow(
      "split: got test, expected one of the splits dev, val",
    );
    await expect(finish(own, table(rows), yes(), { limit: 0 })).rejects.toThrow("limit: got 0");
    await expect(finish(own, table(rows), yes(), { sampling: { maxTokens: 0 } })).rejects.toThrow(
      "maxTokens: got 0, expected an integer from 1",
    );
  });

  test("a benchmark without a system prompt is asked without, unless one is given", async () => {
    const benchmark = findBenchmark("AI2D_TEST");
    if (!benchmark) throw new Error("no AI2D_TEST");
    const choices = [{ index: "0", question: "which", A: "cat", B: "dog", answer: "A" }];
    const without = answererOf(() => "A");
    const { report } = await finish(benchmark, table(choices), without);
    expect(without.asked[0].messages).toHaveLength(1);
    expect(report.settings.system).toBeNull();
    const given = answererOf(() => "A");
    await finish(benchmark, table(choices), given, { system: "Be brief." });
    expect(given.asked[0].messages[0]).toEqual({ role: "system", content: "Be brief." });
  });
});

test("a table is checked before anything is asked", async () => {
  const answerer = yes();
  const wrong = [{ index: "0", question: "which", answer: "A" }];
  await expect(finish(ownBenchmark("own", "wemath"), table(wrong), answerer)).rejects.toThrow(/own|column/);
  const twice = [rows[0], { ...rows[1], index: "0" }];
  await expect(finish(own, table(twice), answerer)).rejects.toThrow("has the index 0 of an earlier row");
  expect(answerer.asked).toEqual([]);
});

test("events are plain data, as a worker's boundary takes them", async () => {
  const run = runBenchmark({ benchmark: own, file: table(rows), answerer: yes(), store: memoryStore() });
  const { events } = await drain(run);
  expect(structuredClone(events)).toEqual(events);
  expect(JSON.parse(JSON.stringify(events.at(-1)))).toEqual(events.at(-1));
});
