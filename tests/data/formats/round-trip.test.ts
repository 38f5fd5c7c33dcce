import { describe, expect, test } from "vitest";
import { detectSampleFormat, readSamples, sampleLine } from "../../../src/data/formats/convert.ts";
import { fromEasyR1, toEasyR1 } from "../../../src/data/formats/easyr1.ts";
import {
  recordOf,
  sampleFormats,
  sampleOf,
  type DataSample,
  type SampleFormat,
} from "../../../src/data/formats/sample.ts";
import { fromShareGpt, shareGptDatasetInfo, toShareGpt } from "../../../src/data/formats/sharegpt.ts";
import { fromTrl, toTrl } from "../../../src/data/formats/trl.ts";
import { VlmEvalWriter } from "../../../src/data/formats/vlmevalkit.ts";
import { memorySource } from "../../../src/storage/source.ts";
import { asJsonLines, madeDataset } from "../../support/wethink-rows.ts";

const { rows } = madeDataset();
const made = rows.flatMap(({ expected }) => (typeof expected === "string" ? [] : [sampleOf(expected)]));

/** Everything at once that any format holds. */
const full: DataSample = {
  problem: 'What does <image> say?\n\nA tab:\there, a "quote", &lt;video&gt; and 🐘',
  answer: "B",
  images: ["a/1.png"],
  refined_cot: 'One.\n\nTwo of <image>, then "three".',
  category: "c, d",
  abilities: ["a, b", "OCR"],
  reward: "rule",
  system: "Be brief.",
  options: { A: "cat", B: "dog", E: "none\tof these" },
  hint: "look",
  l2Category: "d",
  split: "dev",
  index: "17_a",
};
const samples = [full, ...made];

async function encode(all: readonly DataSample[], to: SampleFormat): Promise<string> {
  if (to !== "vlmevalkit") return all.map((sample) => `${sampleLine(sample, to)}\n`).join("");
  const writer = await VlmEvalWriter.create({ options: "ABCDE" });
  let text = writer.header();
  for (const sample of all) text += await writer.row(sample);
  return text;
}

async function decode(text: string, from: SampleFormat): Promise<DataSample[]> {
  const path = from === "vlmevalkit" ? "x.tsv" : "x.jsonl";
  const file = { source: memorySource({ [path]: new TextEncoder().encode(text) }), path };
  expect(await detectSampleFormat(file)).toBe(from);
  const found: DataSample[] = [];
  for await (const event of readSamples(file)) {
    if (event.type === "rejected") throw new Error(JSON.stringify(event.rejected));
    found.push(event.sample);
  }
  return found;
}

const everything = Object.keys(full) as (keyof DataSample)[];

/** What each format keeps of a sample; all else is lost on the way through it. */
const kept: Readonly<Record<SampleFormat, readonly (keyof DataSample)[]>> = {
  wethink: ["problem", "answer", "images", "refined_cot", "category", "abilities", "reward"],
  sharegpt: everything,
  easyr1: ["problem", "answer", "images"],
  trl: everything,
  vlmevalkit: everything,
};

function keep(sample: DataSample, fields: readonly string[]): Partial<DataSample> {
  return Object.fromEntries(Object.entries(sample).filter(([field]) => fields.includes(field)));
}

/** A file of records without reasoning is another matter: see below. */
const pairs = sampleFormats
  .flatMap((first) => sampleFormats.map((second) => [first, second] as const))
  .filter((pair) => !(pair.includes("wethink") && pair.includes("easyr1")));

describe("from one format to another and back", () => {
  test.each(pairs)("%s and %s lose nothing that both hold", async (first, second) => {
    const both = kept[first].filter((field) => kept[second].includes(field));
    const there = await decode(await encode(samples, first), first);
    const over = await decode(await encode(there, second), second);
    const back = await decode(await encode(over, first), first);
    // A table numbers the rows that have no name.
    const numbered = back.map(({ index, ...sample }, number) =>
      index === String(number) ? sample : { ...sample, index },
    );
    expect(numbered).toEqual(samples.map((sample) => keep(sample, both)));
  });

  test("EasyR1 has no place for reasoning, without which a record is read when asked for", async () => {
    const there = await decode(await encode(samples, "easyr1"), "easyr1");
    const text = await encode(there, "wethink");
    const file = { source: memorySource({ "x.jsonl": new TextEncoder().encode(text) }), path: "x.jsonl" };
    const found: DataSample[] = [];
    for await (const event of readSamples(file, { requireReasoning: false }))
      if (event.type === "sample") found.push(event.sample);
    expect(found).toEqual(samples.map((sample) => keep(sample, kept.easyr1)));
    const { value: first } = (await readSamples(file).next()) as { value: unknown };
    expect(first).toMatchObject({ type: "rejected", rejected: { reason: "empty-reasoning" } });
  });

  test("a record is whole after each format that holds all of it", async () => {
    for (const format of ["sharegpt", "trl", "vlmevalkit"] as const) {
      const back = await decode(await encode(made, format), format);
      expect(back.map(recordOf)).toEqual(made.map(recordOf));
    }
  });

  test("a WeThink file keeps its records through a file of records", async () => {
    const file = { source: memorySource({ "x.jsonl": asJsonLines(rows) }), path: "x.jsonl" };
    const found: DataSample[] = [];
    const rejected: string[] = [];
    for await (const event of readSamples(file, { from: "wethink" }))
      if (event.type === "sample") found.push(event.sample);
      else rejected.push(event.rejected.reason);
    expect(rejected).toHaveLength(46); // no images were given, so none is missing
    const again = await decode(await encode(found, "wethink"), "wethink");
    expect(again).toEqual(found);
  });
});

describe("ShareGPT", () => {
  test("has a marker per image, and none else", () => {
    const row = toShareGpt({ ...full, images: ["1.png", "2.png"] });
    const text = row.conversations.map(({ value }) => value).join("");
    expect(text.match(/<image>/g)).toHaveLength(2);
    expect(row.conversations[0].value.startsWith("<image>\n<image>\nWhat does &lt;image&gt; say?")).toBe(
      true,
    );
    expect(row.conversations[1].value).toBe(
      '<think>One.\n\nTwo of &lt;image&gt;, then "three".</think>\n<answer>B</answer>',
    );
    expect(row.system).toBe("Be brief.");
  });

  test("without extras has what the trainer reads", () => {
    const { system, ...rest } = toShareGpt(made[0], { extras: false, system: "s" });
    expect(Object.keys(rest)).toEqual(["conversations", "images"]);
    expect(system).toBe("s");
  });

  test("is read with the names of OpenAI's messages, too", () => {
    const messages = [
      { role: "system", content: "s" },
      { role: "user", content: "<image>p" },
      { role: "assistant", content: "a" },
    ];
    expect(fromShareGpt({ messages, images: [{ path: "1.png" }] })).toEqual({
      problem: "p",
      answer: "a",
      images: ["1.png"],
      system: "s",
    });
  });

  test.each([
    [{}, "conversations: got undefined, expected a list"],
    [{ conversations: [{ from: "human", value: "p" }] }, "turns: got [user], expected one of the user"],
    [{ conversations: [{ from: "human", value: 3 }] }, "value: got 3, expected a text"],
    [7, "ShareGPT row: got 7, expected an object"],
  ])("%j is refused", (row, message) => {
    expect(() => fromShareGpt(row)).toThrow(message);
  });

  test("has an entry for LLaMA-Factory", () => {
    expect(shareGptDatasetInfo("set", "set.jsonl")).toEqual({
      set: {
        file_name: "set.jsonl",
        formatting: "sharegpt",
        columns: { messages: "conversations", images: "images", system: "system" },
      },
    });
  });
});

describe("EasyR1", () => {
  test("has three columns, and as many markers as images", () => {
    for (const images of [[], ["1.png"], ["1.png", "2.png", "3.png"]]) {
      const row = toEasyR1({ ...full, images });
      expect(Object.keys(row)).toEqual(["problem", "answer", "images"]);
      expect(row.problem.split("<image>")).toHaveLength(images.length + 1);
    }
  });

  test("hands an answer of one's own on, of which the gold is read back", () => {
    const answer = ({ reward, answer: gold }: DataSample) => JSON.stringify({ v: 1, kind: reward, gold });
    const row = toEasyR1(full, { answer });
    expect(JSON.parse(row.answer)).toEqual({ v: 1, kind: "rule", gold: "B" });
    expect(fromEasyR1(row).answer).toBe("B");
    expect(fromEasyR1({ ...row, answer: "{1, 2}" }).answer).toBe("{1, 2}");
    expect(fromEasyR1({ ...row, answer: '{"gold": "B"}' }).answer).toBe('{"gold": "B"}');
  });

  test("of images with their pixels, the paths are read", () => {
    expect(
      fromEasyR1({ problem: "p", answer: "a", images: [{ bytes: null, path: "1.png" }] }).images,
    ).toEqual(["1.png"]);
    expect(() => fromEasyR1({ problem: "p", answer: "a", images: [Uint8Array.of(1)] })).toThrow(
      "expected a path",
    );
  });
});

describe("TRL", () => {
  test("has messages with a part per image, and nothing escaped", () => {
    expect(toTrl({ ...full, images: ["1.png", "2.png"] })).toMatchObject({
      prompt: [
        { role: "system", content: "Be brief." },
        {
          role: "user",
          content: [{ type: "image" }, { type: "image" }, { type: "text", text: full.problem }],
        },
      ],
      images: ["1.png", "2.png"],
      solution: "B",
      refined_cot: full.refined_cot,
    });
  });

  test("has other columns for the asking, and is read from any of them", () => {
    const plain = { problem: "p", answer: "a", images: ["1.png"], refined_cot: "r" };
    const text = toTrl(plain, { prompt: "text", images: "image", completion: true, extras: false });
    expect(text).toEqual({
      prompt: "p",
      completion: "<think>r</think>\n<answer>a</answer>",
      solution: "a",
      image: "1.png",
    });
    const messages = toTrl(plain, { completion: true });
    expect(messages.completion).toEqual([{ role: "assistant", content: text.completion }]);
    for (const row of [text, messages, { ...messages, solution: undefined }])
      expect(fromTrl(row)).toEqual(plain);
    expect(() => toTrl({ ...plain, images: [] }, { images: "image" })).toThrow(
      'expected one, for the column "image"',
    );
  });
});
