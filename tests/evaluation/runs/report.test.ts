import { describe, expect, test } from "vitest";
import { ownBenchmark } from "../../../src/evaluation/benchmarks/own.ts";
import { findBenchmark } from "../../../src/evaluation/benchmarks/registry.ts";
import { toCsv } from "../../../src/evaluation/runs/report-csv.ts";
import {
  decidedLine,
  headlineLine,
  optionLines,
  toMarkdown,
} from "../../../src/evaluation/runs/report-text.ts";
import type { RunBenchmarkOptions } from "../../../src/evaluation/runs/run-benchmark.ts";
import { answererOf, finish, table } from "./support.ts";

/** Of four choices "A" is right for three. */
const choices = ["A", "A", "B", "A"].map((answer, i) => ({
  index: String(i),
  question: `question ${i}`,
  A: "cat",
  B: "dog",
  answer,
  category: i < 2 ? "one | two" : "=three",
}));

function known(name: string) {
  const found = findBenchmark(name);
  if (!found) throw new Error(name);
  return found;
}

const reportOf = async (more: Partial<RunBenchmarkOptions> = {}, says = "A", name = "MMStar.tsv") =>
  (
    await finish(
      known("MMStar"),
      table(choices, name),
      answererOf(() => says, { name: "mine" }),
      more,
    )
  ).report;

describe("published figures", () => {
  test("stand beside the run's own, with source and date", async () => {
    const { published, headline } = await reportOf();
    expect(headline.value).toBe(75);
    expect(published[0]).toMatchObject({
      model: "WeThink-Qwen2.5VL-7B",
      figure: "Overall",
      value: 64.2,
      own: 75,
      date: "2025-05-30",
    });
    expect(published[0].difference).toBeCloseTo(10.8);
    expect(published[0].source).toContain("OpenCompass");
  });

  test("what is not comparable follows from how the run was made", async () => {
    const reasons = async (...args: Parameters<typeof reportOf>) => (await reportOf(...args)).notComparable;
    const plain = await reasons();
    expect(plain).toContain(
      "The system prompt is not the original that WeThink's figures were measured with.",
    );
    expect(plain.join(" ")).not.toMatch(/were drawn|table is|split/);
    expect(await reasons({ limit: 2 })).toContain("2 of 4 rows were drawn; published figures are of all.");
    expect(await reasons({ limit: 4 })).toEqual(plain); // all of them
    expect(await reasons({ system: null })).toContain(
      "It was asked without a system prompt; WeThink's figures are with its own.",
    );
    expect(await reasons({ sampling: { temperature: 1 } })).toContain(
      "Answers were drawn; published figures are all but greedy.",
    );
    expect(await reasons({}, "A", "other.tsv")).toContain(
      "The table is other.tsv; published figures are of MMStar.tsv.",
    );
    const cut = answererOf(() => ({ text: "A", finishReason: "length" }));
    const short = await finish(known("MMStar"), table(choices, "MMStar.tsv"), cut, {
      sampling: { maxTokens: 9 },
    });
    expect(short.report.counts.cut).toBe(4);
    expect(short.report.notComparable).toContain(
      "4 answers were cut at 9 tokens; WeThink's were allowed 2048.",
    );
  });
});

test("options are stated: tags, system prompt, sampling, judge, what was drawn", async () => {
  const lines = async (more: Partial<RunBenchmarkOptions>) =>
    Object.fromEntries(optionLines(await reportOf(more)));
  expect(await lines({})).toEqual({
    model: "mine",
    data: "4 of 4 rows of MMStar.tsv",
    system: "prompt: the kit's own",
    sampling: "greedy, up to 1024 tokens",
    tags: "think and answer tags cut before scoring",
    judge: "none: rules alone",
  });
  const judge = { name: "judge", ask: () => Promise.resolve({ text: "A" }) };
  expect(
    await lines({
      limit: 2, seed: 5, system: "Be brief.", cutTags: false, judge, model: { adapter: "abc", format: null },
      sampling: { temperature: 0.7, topK: 40, topP: 0.9, maxTokens: 64, seed: 5 },
    }), // prettier-ignore
  ).toEqual({
    model: "mine, adapter abc",
    data: "2 of 4 rows of MMStar.tsv, 2 units drawn with seed 5",
    system: expect.stringMatching(/^prompt: custom, SHA-256 \w{12}…$/) as string,
    sampling: "temperature 0.7, top-k 40, top-p 0.9, seed 5, up to 64 tokens",
    tags: "think and answer tags left in",
    judge: "judge: 0 replies, 0 from the record, 0 failed",
  });
});

test("the headline with its interval, and how answers were decided", async () => {
  const report = await reportOf();
  expect(headlineLine(report)).toMatch(/^75\.0% \(95%: (25|50)\.0 to 100\.0, 4 units\)$/);
  expect(decidedLine(report)).toBe("4 by rule");
  const open = await reportOf({}, "whatever it is");
  expect(decidedLine(open)).toBe("4 undecided, counted as wrong");
  const hidden = table(choices.map(({ index, question, A, B }) => ({ index, question, A, B })));
  const { report: nothing } = await finish(
    ownBenchmark("own", "choice"),
    hidden,
    answererOf(() => "A"),
  );
  expect(headlineLine(nothing)).toBe("nothing to compute it from");
  expect(nothing.headline).toMatchObject({ value: null, interval: null, units: 0 });
  expect(toMarkdown(nothing)).toContain("| Accuracy | 0 | - |");
});

test("Markdown keeps its tables whole", async () => {
  const text = toMarkdown(await reportOf());
  expect(text).toMatch(/^# MMStar, answered by mine\n\n\*\*Overall: 75\.0% /);
  expect(text).toContain("| category: one \\| two | 2 | 100.0 |");
  expect(text).toMatch(
    /\| WeThink-Qwen2\.5VL-7B \| Overall \| 64\.2 \| 75\.0 \| \+10\.8 \| OpenCompass.*2025-05-30 \|/,
  );
  expect(text).toContain("Not measured alike:\n\n- ");
  const columns = text.split("\n").filter((line) => line.startsWith("|"));
  // Of each table every line has as many cells.
  for (const [i, line] of columns.entries())
    if (line.startsWith("| ---")) expect(cellsOf(columns[i + 1])).toBe(cellsOf(line));
});

const cellsOf = (line: string) => line.replaceAll("\\|", "").split("|").length;

test("CSV has a row for each figure; texts are no formulas", async () => {
  const lines = toCsv(await reportOf())
    .trimEnd()
    .split("\r\n");
  expect(lines[0]).toBe("benchmark,model,split,by,name,figure,value,unit,count,low,high,source,date");
  expect(lines[1]).toMatch(/^MMStar,mine,,headline,Overall,Overall,75,%,4,(25|50),100,this run,$/);
  expect(lines).toContain("MMStar,mine,,category,'=three,Overall,50,%,2,,,this run,");
  expect(lines).toContain("MMStar,mine,,category,one | two,Overall,100,%,2,,,this run,");
  const published = lines.filter((line) => line.includes(",published,"));
  expect(published).toHaveLength(2);
  expect(published[0]).toMatch(
    /^MMStar,WeThink-Qwen2\.5VL-7B,,published,Overall,Overall,64\.2,%,,,,".*",2025-05-30$/,
  );
});
