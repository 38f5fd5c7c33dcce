import { expect, test } from "vitest";
import { contentsOf, linesOf, picked, search } from "../../docs/guide/examples/data.ts";
import { sampleFormats } from "../../src/data/formats/sample.ts";
import { recordChanges, rejectReasons } from "../../src/data/wethink/record.ts";
import { readText } from "../support/tree.ts";
import { printed } from "./examples/support.ts";

const page = readText("docs/guide/data.md");
const record = (number: number, more: object = {}) =>
  JSON.stringify({
    problem: `How many birds are in picture ${number}?`,
    answer: String(number),
    category: number % 2 === 0 ? "Counting" : "Reading",
    abilities: ["rec"],
    refined_cot: `I count ${number}.`,
    image_path: `${number}.png`,
    reward: "number",
    ...more,
  });
const lines = [record(1), record(2), record(3), "{cut off", record(4, { answer: " " }), record(5)];
const [file, images] = picked(
  "set.jsonl",
  new Map([
    ["set.jsonl", new Blob([lines.join("\n")])],
    ...[1, 2, 3, 4].map((number) => [`${number}.png`, new Blob(["pixels"])] as const),
  ]),
);

test("a picked data set is counted", async () => {
  expect(await contentsOf(file, images)).toEqual([
    "3 of 6 rows",
    "Reading: 2",
    "Counting: 1",
    "broken-json: 1",
    "empty-answer: 1",
    "missing-image: 1",
  ]);
});

test("it is searched, and a search ends where there is enough", async () => {
  expect((await search(file, "picture 2")).map(({ answer }) => answer)).toEqual(["2"]);
  expect((await search(file, "birds", 2)).map(({ answer }) => answer)).toEqual(["1", "2"]);
});

test("it becomes another layout, and says what does not", async () => {
  const { result, lines: said } = await printed(async () => {
    const all: string[] = [];
    for await (const line of linesOf(file, "easyr1")) all.push(line);
    return all;
  });
  expect(result).toHaveLength(4); // no images were looked for
  expect(JSON.parse(result[0])).toMatchObject({ answer: "1", images: ["1.png"] });
  expect(said).toEqual([expect.stringMatching(/^row 4: /), "row 5: answer: is empty"]);
});

test("the page's tables have every reason, change and layout", () => {
  for (const name of [...rejectReasons, ...recordChanges, ...sampleFormats])
    expect(page, name).toMatch(new RegExp(`^\\|[^|]*\`${name}\``, "m"));
});
