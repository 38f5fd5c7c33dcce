import { expect, test } from "vitest";
import { folderImages } from "../../../src/data/images/lookup.ts";
import { inspectDataset } from "../../../src/data/wethink/inspect.ts";
import { rejectedLine } from "../../../src/data/wethink/reader.ts";
import type { RejectedRow, WeThinkRecord } from "../../../src/data/wethink/record.ts";
import { memorySource } from "../../../src/storage/source.ts";
import { asJson, asJsonLines, asParquet, expectedCounts, madeDataset } from "../../support/wethink-rows.ts";

const { rows, images } = madeDataset();
const lookup = folderImages(memorySource(images));
const taken = rows.flatMap(({ expected }) => (typeof expected === "string" ? [] : [expected]));

const made = {
  "set.jsonl": { bytes: asJsonLines(rows), kept: rows },
  "set.json": asJson(rows),
  "set.parquet": asParquet(rows),
};

/** How many records have each value, counted in the simplest way. */
function count(values: (record: WeThinkRecord) => readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const record of taken)
    for (const value of values(record)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

test.each(Object.entries(made))("%s is counted right", async (path, { bytes, kept }) => {
  const exported: RejectedRow[] = [];
  const report = await inspectDataset(
    { source: memorySource({ [path]: bytes }), path },
    { images: lookup, onRejected: (row) => void exported.push(row), maxListed: 4 },
  );
  const { accepted, byReason } = expectedCounts(kept);
  expect(accepted).toBe(249);
  expect(report).toMatchObject({ rows: kept.length, accepted, images: { found: accepted, missing: 5 } });
  expect(report.rejected.byReason).toEqual(byReason);
  expect(report.rejected.total).toBe(kept.length - accepted);
  expect(report.rejected.listed).toEqual(exported.slice(0, 4));
  expect(exported).toHaveLength(kept.length - accepted);

  const table = (counts: readonly { value: string; count: number }[]) =>
    new Map(counts.map(({ value, count: number }) => [value, number]));
  expect(table(report.categories)).toEqual(count(({ category }) => [category]));
  expect(table(report.rewards)).toEqual(count(({ reward }) => [reward]));
  expect(table(report.abilities)).toEqual(
    count(({ abilities }) => (abilities.length > 0 ? abilities : [""])),
  );
  const counts = report.categories.map(({ count: number }) => number);
  expect(counts).toEqual([...counts].sort((a, b) => b - a));

  const lengths = taken.map(({ refined_cot: text }) => text.length).sort((a, b) => a - b);
  expect(report.lengths.reasoning).toMatchObject({
    min: lengths[0],
    median: lengths[124],
    max: lengths[248],
  });
  expect(report.lengths.reasoning.p95).toBe(lengths[Math.ceil(0.95 * 249) - 1]);
  expect(report.lengths.reasoning.mean).toBeCloseTo(lengths.reduce((a, b) => a + b) / 249, 9);
});

const file = { source: memorySource({ "set.jsonl": asJsonLines(rows) }), path: "set.jsonl" };

test("samples are rows of the set, the same for the same seed", async () => {
  const sample = async (seed: number) =>
    (await inspectDataset(file, { images: lookup, sampleSize: 5, seed })).samples;
  const [first, again, other] = [await sample(1), await sample(1), await sample(2)];
  const numbers = first.map(({ number }) => number);
  expect(numbers).toEqual(again.map(({ number }) => number));
  expect(numbers).not.toEqual(other.map(({ number }) => number));
  expect(new Set(numbers).size).toBe(5);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(await first[0].image?.()).toEqual(images.get(first[0].record.image_path));
});

test("every row is as likely to be a sample", async () => {
  const lines = Array.from({ length: 10 }, (_, index) =>
    JSON.stringify({ problem: `${index}`, answer: "a", refined_cot: "r", image_path: "i.png" }),
  ).join("\n");
  const small = { source: memorySource({ "x.jsonl": new TextEncoder().encode(lines) }), path: "x.jsonl" };
  const drawn = new Array<number>(10).fill(0);
  for (let seed = 0; seed < 1000; seed++)
    for (const { number } of (await inspectDataset(small, { sampleSize: 3, seed })).samples)
      drawn[number - 1]++;
  // 300 of 1000 each: six standard deviations are 87.
  for (const times of drawn) expect(Math.abs(times - 300)).toBeLessThan(87);
});

test("a set of nothing has no samples and no lengths", async () => {
  const empty = { source: memorySource({ "x.jsonl": new Uint8Array(0) }), path: "x.jsonl" };
  const report = await inspectDataset(empty);
  expect(report).toMatchObject({ rows: 0, accepted: 0, samples: [], categories: [], images: null });
  expect(report.lengths.answer).toEqual({ min: 0, mean: 0, median: 0, p95: 0, max: 0 });
});

test("a rejected row is one line of JSON with the row as it was", async () => {
  const { rejected } = await inspectDataset(file, { images: lookup });
  for (const row of rejected.listed) {
    const line = rejectedLine(row);
    expect(line).not.toContain("\n");
    expect(JSON.parse(line)).toEqual({ ...row });
  }
  expect(
    rejectedLine({ number: 1, reason: "wrong-type", detail: "d", row: { image: Uint8Array.of(1, 2) } }),
  ).toBe('{"number":1,"reason":"wrong-type","detail":"d","row":{"image":"2 bytes"}}');
});
