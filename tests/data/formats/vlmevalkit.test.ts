import { describe, expect, test } from "vitest";
import { decodeBase64, encodeBase64, listCell, parseList } from "../../../src/data/formats/cells.ts";
import { readSamples, type SampleEvent } from "../../../src/data/formats/convert.ts";
import {
  fromVlmEval,
  readVlmEvalTsv,
  VlmEvalWriter,
  type ReadVlmEvalOptions,
  type VlmEvalRow,
} from "../../../src/data/formats/vlmevalkit.ts";
import { folderImages } from "../../../src/data/images/lookup.ts";
import { memorySource } from "../../../src/storage/source.ts";

const picture = (fill: number, length = 90) => Uint8Array.of(0x89, ...new Uint8Array(length).fill(fill));
const pixels = (fill: number) => Buffer.from(picture(fill)).toString("base64");

function asFile(rows: readonly (readonly string[])[]) {
  const text = rows.map((cells) =>
    cells.map((cell) => (/["\t\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join("\t"),
  );
  return {
    source: memorySource({ "x.tsv": new TextEncoder().encode(`${text.join("\n")}\n`) }),
    path: "x.tsv",
  };
}

async function read(
  rows: readonly (readonly string[])[],
  options?: ReadVlmEvalOptions,
): Promise<VlmEvalRow[]> {
  const found: VlmEvalRow[] = [];
  for await (const row of readVlmEvalTsv(asFile(rows), options)) found.push(row);
  return found;
}

describe("a benchmark", () => {
  const header = [
    "index",
    "image",
    "question",
    "hint",
    "A",
    "B",
    "C",
    "answer",
    "category",
    "l2-category",
    "split",
    "skill",
  ];
  const rows = [
    header,
    ["1", pixels(1), 'Which\tis "it"?\nSay.', "", "cat", "dog", "", "B", "animals", "nature", "dev", "see"],
    ["2", "1", "And this?", "look", "", "", "", "", "", "", "", ""],
    ["1000001", "1", "Which?", "", "dog", "cat", "nan", "A", "animals", "nature", "dev", ""],
    ["x_1", pixels(4), "Open?", "", "", "", "", "seven", "", "", "test", ""],
  ];

  test("gives its rows; what is empty is absent", async () => {
    const found = await read(rows);
    expect(found.map(({ index }) => index)).toEqual(["1", "2", "1000001", "x_1"]);
    expect(found[0]).toMatchObject({
      number: 1,
      question: 'Which\tis "it"?\nSay.',
      options: { A: "cat", B: "dog" },
      answer: "B",
      category: "animals",
      l2Category: "nature",
      split: "dev",
      imagePaths: [],
    });
    expect(found[0].hint).toBeUndefined();
    expect(found[0].columns.skill).toBe("see");
    expect(found[0].columns).not.toHaveProperty("image");
    expect(found[1]).toMatchObject({
      hint: "look",
      options: {},
      columns: { index: "2", question: "And this?" },
    });
    expect(found[1].answer).toBeUndefined();
    expect(found[2].options).toEqual({ A: "dog", B: "cat", C: "nan" });
  });

  test("gives images of its own and of the row that is named", async () => {
    const found = await read(rows);
    for (const [row, fill] of [1, 1, 1, 4].entries())
      expect(await found[row].images()).toEqual([picture(fill)]);
  });

  test("is one row at a time: an image that is named is read again when it is asked for", async () => {
    const { source, path } = asFile(rows);
    let reads = 0;
    const counted = {
      ...source,
      read: (...args: Parameters<typeof source.read>) => (reads++, source.read(...args)),
    };
    const found: VlmEvalRow[] = [];
    for await (const row of readVlmEvalTsv({ source: counted, path })) found.push(row);
    const before = reads;
    await found[0].images();
    expect(reads).toBe(before);
    await found[1].images();
    expect(reads).toBe(before + 1);
  });

  test("has images in lists and by path", async () => {
    const found = await read(
      [
        ["index", "image", "image_path", "question"],
        ["1", `['${pixels(1)}', '${pixels(2)}']`, "", "q"],
        ["2", "", "a/1.png", "q"],
        ["3", "", "['a/1.png', \"b's.png\"]", "q"],
        ["4", "1", "", "q"],
        ["5", "", "", "q"],
      ],
      { images: folderImages(memorySource({ "a/1.png": picture(8), "b's.png": picture(9) })) },
    );
    const images = await Promise.all(found.map((row) => row.images()));
    const fills = images.map((row) => row.map((bytes) => bytes[1]));
    expect(fills).toEqual([[1, 2], [8], [8, 9], [1, 2], []]);
    expect(fromVlmEval(found[2])).toEqual({ problem: "q", images: ["a/1.png", "b's.png"], index: "3" });
  });

  test("without a folder, an image by path says what it needs", async () => {
    const [row] = await read([
      ["index", "image_path", "question"],
      ["1", "a.png", "q"],
    ]);
    await expect(row.images()).rejects.toThrow("a.png: row 1 of x.tsv in memory needs a folder of images");
  });

  test.each([
    [
      [
        ["index", "answer"],
        ["1", "a"],
      ],
      "got the columns index, answer, expected index and question",
    ],
    [
      [
        ["index", "question"],
        ["1", "a"],
        ["1", "b"],
      ],
      "row 2 has the index 1 of an earlier row",
    ],
  ])("%j is no benchmark", async (table, message) => {
    await expect(read(table)).rejects.toThrow(message);
  });

  test("an image of a later row, or of none, is an error of that image alone", async () => {
    const found = await read([
      ["index", "image", "question"],
      ["1", "9", "q"],
      ["2", pixels(2).replace("A", "*"), "q"],
      ["3", pixels(3), "q"],
    ]);
    await expect(found[0].images()).rejects.toThrow(
      "row 1 shows the image of the row 9, expected an earlier row",
    );
    await expect(found[1].images()).rejects.toThrow("row 2: got");
    expect(await found[2].images()).toEqual([picture(3)]);
  });
});

describe("writing", () => {
  test("pixels stand once; a row with the same image names the first", async () => {
    const images = new Map([
      ["a.png", picture(5)],
      ["b.png", picture(6)],
    ]);
    const writer = await VlmEvalWriter.create({
      readImage: (path) => Promise.resolve(images.get(path)!),
      options: "AB",
    });
    const samples = [
      { problem: "one", images: ["a.png"], answer: "A", options: { A: "x", B: "y" } },
      { problem: "two", images: ["a.png"] },
      { problem: "three", images: ["b.png", "a.png"], index: "t" },
      { problem: "none", images: [] },
    ];
    let text = writer.header();
    for (const sample of samples) text += await writer.row(sample);
    expect(text.split(pixels(5))).toHaveLength(3); // in the first row, and in the third's list
    const file = { source: memorySource({ "x.tsv": new TextEncoder().encode(text) }), path: "x.tsv" };
    const found: VlmEvalRow[] = [];
    for await (const row of readVlmEvalTsv(file)) found.push(row);
    const fills = await Promise.all(found.map(async (row) => (await row.images()).map((bytes) => bytes[1])));
    expect(fills).toEqual([[5], [5], [6, 5], []]);
    expect(found.map(({ index }) => index)).toEqual(["0", "1", "t", "3"]);
    expect(found[0].options).toEqual({ A: "x", B: "y" });
  });

  test("pixels that have no path get one when rows are converted", async () => {
    const table = asFile([
      ["index", "image", "question"],
      ["a/1", pixels(1), "p"],
      ["2", "a/1", "q"],
      ["3", "nowhere", "r"],
    ]);
    const events: SampleEvent[] = [];
    for await (const event of readSamples(table)) events.push(event);
    expect(events).toMatchObject([
      { sample: { problem: "p", images: ["a_1.png"] }, pixels: [{ path: "a_1.png", bytes: picture(1) }] },
      { sample: { problem: "q", images: ["2.png"] }, pixels: [{ bytes: picture(1) }] },
      { type: "rejected", rejected: { number: 3, reason: "missing-image" } },
    ]);
  });
});

describe("cells", () => {
  test.each([
    ["", []],
    ["a.png", ["a.png"]],
    ["['a', 'b, c']", ["a", "b, c"]],
    ['["a", "it\'s"]', ["a", "it's"]],
    ["[a, b]", ["a", "b"]],
    ["['it\\'s']", ["it's"]],
    ["[]", []],
  ])("%j is the list %j", (cell, list) => {
    expect(parseList(cell)).toEqual(list);
  });

  test("lists are read as they were written", () => {
    for (const list of [[], ["a b"], ["a", "b's", 'c"d', "e\\f"]])
      expect(parseList(listCell(list))).toEqual(list);
  });

  test("bytes of any length are base64 as others write it", () => {
    for (const length of [0, 1, 2, 3, 8189, 8190, 8191, 30_000]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 7) & 255);
      expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      expect(decodeBase64(encodeBase64(bytes), "x")).toEqual(bytes);
    }
    expect(decodeBase64("data:image/png;base64,AQI=", "x")).toEqual(Uint8Array.of(1, 2));
  });
});

describe("what a benchmark's rows become", () => {
  const events = async (rows: string[][], options?: Parameters<typeof readSamples>[1]) => {
    const found: SampleEvent[] = [];
    for await (const event of readSamples(asFile(rows), options)) found.push(event);
    return found;
  };

  test("pixels keep the paths that the row names for them, where these are safe and as many", async () => {
    const rows = [["index", "image", "image_path", "question"]];
    rows.push(["1", pixels(1), "a\\1.png", "q"], ["2", pixels(2), "../2.png", "q"]);
    rows.push(["3", pixels(3), "['x.png', 'y.png']", "q"], ["4", pixels(4), "a/1.png", "q"]);
    const found = await events(rows);
    const made = found.flatMap((event) => (event.type === "sample" ? (event.pixels ?? []) : []));
    expect(made.map(({ path }) => path)).toEqual(["a/1.png", "2.png", "3.png", "4.png"]);
    expect(made.map(({ bytes }) => bytes[1])).toEqual([1, 2, 3, 4]);
  });

  test("indices that are one name give different ones", async () => {
    const rows = [["index", "image", "question"]];
    rows.push(["a/1", pixels(1), "q"], ["a_1", pixels(2), "q"], ["A_1", pixels(3), "q"]);
    const found = await events(rows);
    const images = found.map((event) => (event.type === "sample" ? event.sample.images : []));
    expect(images).toEqual([["a_1.png"], ["a_1-2.png"], ["A_1-3.png"]]);
  });

  test("a path that leaves the images, or is not there, rejects its row alone", async () => {
    const rows = [["index", "image_path", "question"]];
    rows.push(["1", "../x.png", "q"], ["2", "none.png", "q"], ["3", "./a.png", "q"]);
    const found = await events(rows, { images: folderImages(memorySource({ "a.png": picture(1) })) });
    expect(found).toMatchObject([
      { type: "rejected", rejected: { number: 1, reason: "unsafe-path" } },
      { type: "rejected", rejected: { number: 2, reason: "missing-image" } },
      { type: "sample", sample: { images: ["a.png"] } },
    ]);
  });

  test("a writer takes options by the letters of its header alone", async () => {
    const writer = await VlmEvalWriter.create({ options: "AB" });
    const sample = { problem: "q", images: [] };
    for (const name of ["C", "a", "first"])
      await expect(writer.row({ ...sample, options: { [name]: "x" } })).rejects.toThrow(
        `VLMEvalKit row: options: got ${name}`,
      );
    expect(await writer.row({ ...sample, options: { B: "x" } })).toContain("\tx\t");
  });
});

test("as samples, rows without a question are rejected; a row whose picture others show may be one", async () => {
  const table = asFile([
    ["index", "image", "question", "answer"],
    ["1", pixels(1), " ", "a"],
    ["2", "1", "What?", "b"],
    ["3", "1", "", "c"],
  ]);
  const events: SampleEvent[] = [];
  for await (const event of readSamples(table, { from: "vlmevalkit" })) events.push(event);
  expect(events.map((event) => (event.type === "sample" ? event.sample.problem : event.rejected))).toEqual([
    expect.objectContaining({ number: 1, reason: "empty-problem", detail: "the question is empty" }),
    "What?",
    expect.objectContaining({ number: 3, reason: "empty-problem" }),
  ]);
});
