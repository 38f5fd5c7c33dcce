import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { REASONING_SYSTEM_PROMPT } from "../../src/data/system-prompt.ts";
import { asJsonLines, asParquet, madeDataset } from "../support/wethink-rows.ts";
import { madeParts, madeZip } from "../support/zip.ts";
import { tooWide } from "./recipe.ts";
import { thinktab } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "thinktab-data-"));
const place = (...names: string[]) => join(folder, ...names);
const { rows, images } = madeDataset();
const pictures = place("pictures");
const set = place("set.jsonl");

function write(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

function lines(...names: string[]): Record<string, unknown>[] {
  const text = readFileSync(place(...names), "utf8").trimEnd();
  return text.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
}

beforeAll(async () => {
  write(set, asJsonLines(rows));
  write(place("set.parquet"), asParquet(rows).bytes);
  for (const [path, bytes] of images) write(join(pictures, path), bytes);
  const archive = await madeZip(images, { zip64: true });
  write(place("image.zip"), archive);
  for (const [name, bytes] of madeParts(archive, 3000)) {
    write(place("parts", name), bytes);
    if (name !== "image.zip.part-ac") write(place("gap", name), bytes);
  }
});

describe("thinktab data inspect", () => {
  test("counts a set, within 80 columns", async () => {
    const { code, out, err } = await thinktab("data", "inspect", set, "--images", pictures, "--sample", "2");
    expect({ code, err: err.includes("Error") }).toEqual({ code: 0, err: false });
    expect(tooWide(out.replaceAll(set, "set.jsonl"))).toEqual([]);
    expect(out.replaceAll(/\s+/g, " ")).toContain("249 taken, 51 rejected images 249 found, 5 missing");
    expect(out).toMatch(/^broken-json +6$/m);
    expect(out).toMatch(/^missing-image +5$/m);
    expect(out).toMatch(/^category +rows +share$/m);
    expect(out).toMatch(/^Zählaufgabe +\d+ +\d+\.\d%$/m);
    expect(out).toMatch(/^\(none\) +20 +8\.0%$/m);
    expect(out).toMatch(/^reasoning +\d+ +\d+ +\d+ +\d+ +\d+$/m);
    expect(out.match(/^problem +Question|^problem +What/gm)).toHaveLength(2);
  });

  test.each([
    ["a folder", () => pictures],
    ["a zip archive", () => place("image.zip")],
    ["the folder of the parts of one", () => place("parts")],
    ["one part", () => place("parts", "image.zip.part-ab")],
    ["the name of the whole", () => place("parts", "image.zip")],
  ])("finds images in %s", async (_, path) => {
    const { code, out } = await thinktab("data", "inspect", set, "--images", path(), "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ rows: 300, accepted: 249, images: { found: 249, missing: 5 } });
  });

  test("writes every rejected row", async () => {
    const target = place("out", "rejected.jsonl");
    const { code } = await thinktab("data", "inspect", set, "--images", pictures, "--rejected", target);
    expect(code).toBe(0);
    const found = lines("out", "rejected.jsonl");
    expect(found).toHaveLength(51);
    for (const row of found) expect(Object.keys(row)).toEqual(["number", "reason", "detail", "row"]);
  });

  test("reads Parquet; shows no control characters; --sample 0 shows none", async () => {
    const { out } = await thinktab("data", "inspect", place("set.parquet"), "--json", "--sample", "0");
    expect(JSON.parse(out)).toMatchObject({ rows: 285, accepted: 254, images: null, samples: [] });
    const record = {
      problem: "p\u001b[2J",
      answer: "a",
      refined_cot: "r",
      image_path: "i.png",
      category: "c\u0007",
    };
    write(place("odd.jsonl"), JSON.stringify(record));
    const odd = await thinktab("data", "inspect", place("odd.jsonl"));
    expect(odd.out).toContain("p�[2J");
    // eslint-disable-next-line no-control-regex -- what must not be there
    expect(odd.out).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
  });

  test("reads the layout that it is told", async () => {
    const row = { problem: "<image>How many?", answer: "3", images: ["a.png"] };
    write(place("easyr1.jsonl"), JSON.stringify(row));
    const { out } = await thinktab("data", "inspect", place("easyr1.jsonl"), "--from", "easyr1", "--json");
    expect(JSON.parse(out)).toMatchObject({ accepted: 1, samples: [{ record: { problem: "How many?" } }] });
  });

  test("names the part that is missing", async () => {
    const { code, err } = await thinktab("data", "inspect", set, "--images", place("gap"));
    expect(code).toBe(1);
    expect(err).toContain("MissingFileError: image.zip.part-ac: not found in");
    expect(err).not.toContain("    at ");
  });
});

describe("thinktab data convert", () => {
  test("to ShareGPT, with the entry for LLaMA-Factory, the rejected rows, and the images", async () => {
    const out = place("sharegpt");
    const given = [
      "data",
      "convert",
      set,
      "--to",
      "sharegpt",
      "--out",
      out,
      "--images",
      place("parts"),
      "--copy",
    ];
    const result = await thinktab(...given);
    expect(result.code).toBe(0);
    expect(result.out).toContain("249 rows");
    expect(tooWide(result.out.replaceAll(folder, ""))).toEqual([]);
    const found = lines("sharegpt", "set.jsonl");
    expect(found).toHaveLength(249);
    expect(found.every(({ system }) => system === REASONING_SYSTEM_PROMPT)).toBe(true);
    for (const {
      images: [path],
    } of found as { images: string[] }[])
      expect(new Uint8Array(readFileSync(join(out, "images", path)))).toEqual(images.get(path));
    expect(lines("sharegpt", "rejected.jsonl")).toHaveLength(51);
    expect(JSON.parse(readFileSync(join(out, "dataset_info.json"), "utf8"))).toHaveProperty("set.formatting");
  });

  test.each(["easyr1", "trl", "wethink"])("to %s, and back to records", async (to) => {
    const out = place(to);
    const there = await thinktab("data", "convert", set, "--to", to, "--out", out, "--system", "none");
    expect(there.code).toBe(0);
    const found = lines(to, "set.jsonl");
    expect(found).toHaveLength(254);
    const back = await thinktab(
      "data",
      "convert",
      join(out, "set.jsonl"),
      "--to",
      "wethink",
      "--out",
      join(out, "back"),
      "--json",
    );
    expect(JSON.parse(back.out)).toMatchObject({ to: "wethink", written: 254, rejected: 0 });
    const records = lines(to, "back", "set.jsonl");
    const { records: whole } = { records: lines("wethink-all", "set.jsonl") };
    for (const [index, record] of records.entries())
      expect(record).toMatchObject(
        to === "easyr1" ? { problem: whole[index].problem, answer: whole[index].answer } : whole[index],
      );
  });

  beforeAll(async () => {
    await thinktab("data", "convert", set, "--to", "wethink", "--out", place("wethink-all"));
  });

  test("to a benchmark with its pixels, and from it with the images as files", async () => {
    const table = [
      "data",
      "convert",
      set,
      "--to",
      "vlmevalkit",
      "--out",
      place("table"),
      "--images",
      pictures,
    ];
    expect((await thinktab(...table)).code).toBe(0);
    const text = readFileSync(place("table", "set.tsv"), "utf8");
    const [first] = images.values();
    expect(text).toContain(`\t${Buffer.from(first).toString("base64")}\t`);
    const tiny = place("bench.tsv");
    const pixels = Buffer.from(Uint8Array.of(0xff, 0xd8, ...new Uint8Array(90))).toString("base64");
    write(tiny, `index\timage\tquestion\tA\tB\tanswer\n1\t${pixels}\tq\tx\ty\tA\n2\t1\tr\tx\ty\tB\n`);
    const back = await thinktab("data", "convert", tiny, "--to", "easyr1", "--out", place("bench"));
    expect(back.out).toMatch(/^images +2 copied$/m);
    expect(lines("bench", "bench.jsonl")[1]).toEqual({
      problem: "<image>\nr",
      answer: "B",
      images: ["2.jpg"],
    });
    expect(readFileSync(place("bench", "images", "2.jpg"))).toEqual(Buffer.from(pixels, "base64"));
    expect(existsSync(place("bench", "rejected.jsonl"))).toBe(false);
  });
});

describe("a row that cannot be converted", () => {
  const convert = (name: string, ...more: string[]) =>
    thinktab("data", "convert", place(name), "--out", place("odd", name), ...more);
  const trl = (images: string[], more: object = {}) =>
    JSON.stringify({ prompt: "q", solution: "a", images, ...more });

  test("is listed; what an earlier run rejected is not", async () => {
    write(place("two.jsonl"), [trl(["a.png"]), trl(["a.png", "b.png"]), trl(["c.png"])].join("\n"));
    const { code, out } = await convert("two.jsonl", "--to", "wethink", "--json");
    expect({ code, ...(JSON.parse(out) as object) }).toMatchObject({ code: 0, written: 2, rejected: 1 });
    expect(lines("odd", "two.jsonl", "rejected.jsonl")).toMatchObject([{ number: 2, reason: "wrong-type" }]);
    expect((await convert("two.jsonl", "--to", "easyr1")).code).toBe(0);
    expect(existsSync(place("odd", "two.jsonl", "rejected.jsonl"))).toBe(false);
  });

  test("for its options' names leaves the table whole", async () => {
    const list = (length: number) => Array.from({ length }, (_, index) => `option ${index}`);
    const rows = [{ B: "y" }, { first: "x" }, list(2), list(27)].map((options) => trl([], { options }));
    write(place("options.jsonl"), rows.join("\n"));
    expect((await convert("options.jsonl", "--to", "vlmevalkit")).code).toBe(0);
    const table = readFileSync(place("odd", "options.jsonl", "options.tsv"), "utf8").split("\n");
    expect(table[0]).toContain("\tquestion\tA\tB\tanswer\t");
    expect(table).toHaveLength(4);
    expect(lines("odd", "options.jsonl", "rejected.jsonl").map(({ number }) => number)).toEqual([2, 4]);
  });

  test("makes no folder outside of the result's", async () => {
    write(place("leave.tsv"), "index\timage_path\tquestion\n1\t../../../left/x.png\tq\n");
    const given = ["--to", "trl", "--images", pictures, "--copy"];
    expect((await convert("leave.tsv", ...given)).code).toBe(0);
    expect(lines("odd", "leave.tsv", "rejected.jsonl")).toMatchObject([{ reason: "unsafe-path" }]);
    expect(existsSync(place("left"))).toBe(false);
  });

  test.each([["inspect"], ["convert", "--to", "trl", "--out", place("odd", "same")]])(
    "%s: --rejected does not take the place of what is read",
    async (...action) => {
      const before = readFileSync(set);
      const { code, err } = await thinktab("data", ...action, set, "--rejected", set);
      expect({ code, err }).toMatchObject({
        code: 2,
        err: expect.stringContaining("--rejected: ") as string,
      });
      expect(readFileSync(set)).toEqual(before);
    },
  );
});

describe("a wrong command line", () => {
  test.each([
    [["data"], "missing argument: ACTION"],
    [["data", "look", "x"], "unknown action: look, expected inspect or convert"],
    [["data", "inspect"], "missing argument: FILE"],
    [["data", "inspect", "x", "--to", "trl"], "--to is an option of convert"],
    [["data", "inspect", "x", "--sample", "1.5"], "--sample: got 1.5, expected a whole number"],
    [
      ["data", "inspect", "https://x.test/a.jsonl?token=b"],
      "https://x.test/a.jsonl: got an address with a user",
    ],
    [["data", "convert", "x", "--out", "y"], "missing option: --to, one of wethink, sharegpt"],
    [["data", "convert", "x", "--to", "csv", "--out", "y"], "--to: got csv, expected one of"],
    [["data", "convert", "x", "--to", "trl"], "missing option: --out DIR"],
    [["data", "convert", "x", "--to", "trl", "--out", "y", "--copy"], "--copy needs --images"],
  ])("%j", async (given, message) => {
    const { code, err } = await thinktab(...given);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test("a result that would take the place of what is read", async () => {
    const before = readFileSync(set);
    const { code, err } = await thinktab("data", "convert", set, "--to", "wethink", "--out", folder);
    expect(code).toBe(2);
    expect(err).toContain("is the file that is read, expected another folder");
    expect(readFileSync(set)).toEqual(before);
  });

  test("a file that is not there, or no data set", async () => {
    for (const [given, message] of [
      [place("none.jsonl"), "MissingFileError: "],
      [pictures, "it is a folder, expected a data set"],
      [place("image.zip"), "InvalidOptionError: image.zip"],
    ]) {
      const { code, err } = await thinktab("data", "inspect", given);
      expect(code).toBe(1);
      expect(err).toContain(message);
    }
  });
});
