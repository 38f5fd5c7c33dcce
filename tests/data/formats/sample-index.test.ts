import { describe, expect, it, onTestFinished, vi } from "vitest";
import { SampleIndex } from "../../../src/data/formats/sample-index.ts";
import type { RejectedRow } from "../../../src/data/wethink/record.ts";
import { memorySource } from "../../../src/storage/source.ts";

const file = (path: string, text: string) => ({
  source: memorySource({ [path]: new TextEncoder().encode(text) }),
  path,
});
const row = (problem: string) => ({
  problem,
  answer: "one",
  category: "",
  abilities: [],
  refined_cot: "because",
  image_path: "a.png",
  reward: "",
});
const problems = ["plain", "Ünïcödé 數學 😀", 'quotes " and \\ and <image> within', "last"];

async function indexed(path: string, text: string) {
  const rejected: RejectedRow[] = [];
  const index = await SampleIndex.build(file(path, text), { onRejected: (one) => rejected.push(one) });
  const found = await Promise.all(
    Array.from({ length: index.count }, async (_, i) => [
      index.numberOf(i),
      (await index.sample(index.count - 1 - i)).problem,
    ]),
  );
  return {
    rejected,
    numbers: found.map(([number]) => number),
    problems: found.map(([, text]) => text).reverse(),
  };
}

describe("SampleIndex", () => {
  it.each([
    ["lines", (lines: string[]) => `${lines.join("\n")}\n`],
    ["lines without an end", (lines: string[]) => lines.join("\n")],
    [
      "lines as Windows ends them, behind a byte order mark",
      (lines: string[]) => `\uFEFF${lines.join("\r\n")}\r\n`,
    ],
    ["lines with empty and torn ones between", (lines: string[]) => lines.join('\n\n{"torn\n')],
  ])("finds each sample of %s again, in any order", async (_, join) => {
    const text = join(problems.map((problem) => JSON.stringify(row(problem))));
    expect((await indexed("r.jsonl", text)).problems).toEqual(problems);
  });

  it("finds them in files longer than a piece that is read at a time", async () => {
    const many = Array.from({ length: 3000 }, (_, i) => `${i}${"é".repeat(i % 700)}`);
    const { problems: found, numbers } = await indexed(
      "r.jsonl",
      many.map((problem) => JSON.stringify(row(problem))).join("\n"),
    );
    expect(found).toEqual(many);
    expect(numbers).toEqual(many.map((_, i) => i + 1));
  });

  it("keeps those of a JSON document as text", async () => {
    const json = JSON.stringify(problems.map(row));
    expect((await indexed("r.json", json)).problems).toEqual(problems);
    const long = Array.from({ length: 4 }, (_, i) => `${i}${"x".repeat(700_000)}`);
    let blobs = 0;
    const { Blob: OwnBlob } = globalThis;
    vi.stubGlobal(
      "Blob",
      class extends OwnBlob {
        constructor(...given: ConstructorParameters<typeof OwnBlob>) {
          super(...given);
          blobs++;
        }
      },
    );
    onTestFinished(() => void vi.unstubAllGlobals());
    expect((await indexed("r.json", JSON.stringify(long.map(row)))).problems).toEqual(long);
    expect(blobs).toBe(3); // all but the last, which is not full
  });

  it("rejects rows of a table that hold pictures themselves", async () => {
    const pixel = btoa(String.fromCharCode(0x89, 0x50, 0x4e, 0x47, ...new Array<number>(60).fill(1)));
    const { rejected, problems: found } = await indexed(
      "b.tsv",
      `index\timage\tquestion\tanswer\n1\t${pixel}\twhat?\ta\n`,
    );
    expect(found).toEqual([]);
    expect(rejected).toMatchObject([{ number: 1, reason: "wrong-type" }]);
    expect(rejected[0].detail).toContain("`thinktab data convert` takes pictures out");
  });
});
