/** Evaluations as a page has them, on a channel in this process: tables, runs, scoring again, comparison. */
import { expose } from "comlink";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Message } from "../../src/data/chat-template.ts";
import type { GeneratingPolicy } from "../../src/language-models/policy-model.ts";
import { ContextLengthError, InvalidOptionError } from "../../src/util/errors.ts";
import { DataService } from "../../workers/data/service.ts";
import { createDataWorker, type DataWorker } from "../../workers/data-client.ts";
import type {
  EvaluationRequest,
  RemoteEvaluations,
  ShownEvaluationEvent,
} from "../../workers/evaluation-client.ts";

const rows = [
  ["index", "question", "answer", "category"],
  ["1", "how many circles ?", "2", "counting"],
  ["2", "what colour is it ?", "red", "colour"],
  ["3", "how many squares ?", "1", "counting"],
  ["4", "what is it ?", "circle", "shape"],
];
const table = { data: new Map([["own.tsv", new Blob([rows.map((row) => `${row.join("\t")}\n`).join("")])]]) };
const said: Record<string, string> = {
  "how many circles ?": "<think>one two</think><answer>2</answer>",
  "what colour is it ?": "<answer>blue</answer>",
  "how many squares ?": "1",
  "what is it ?": "<answer>circle</answer>",
};

let worker: DataWorker;
let evaluations: RemoteEvaluations;
let ports: MessageChannel;
/** Questions that the policy was asked, in order. */
let asked: string[] = [];
let fails: Error | null = null;

beforeAll(async () => {
  ports = new MessageChannel();
  expose(new DataService(), ports.port1);
  worker = await createDataWorker({ endpoint: ports.port2 });
  evaluations = await worker.evaluations();
});
afterAll(() => {
  worker.dispose();
  ports.port1.close();
  ports.port2.close();
});
beforeEach(async () => {
  await evaluations.clear("test");
  asked = [];
  fails = null;
});

/** A policy that knows its lines. */
const policy: GeneratingPolicy = {
  generate: (messages: readonly Message[], { prefill = "" }: { prefill?: string } = {}) => {
    const { content } = messages[messages.length - 1];
    const question =
      typeof content === "string"
        ? content
        : content.map((part) => (part.type === "text" ? part.text : "")).join("");
    asked.push(question);
    if (fails) return Promise.reject(fails);
    return Promise.resolve([
      { text: said[question].slice(prefill.length), tokens: [1, 2], finishReason: "stop" as const },
    ]);
  },
};

const request: EvaluationRequest = {
  name: "test",
  table,
  answerer: { kind: "policy", name: "talker", steps: 0, adapter: true, prefill: "" },
  system: null,
  maxTokens: 16,
  seed: 0,
  cutTags: true,
};

async function run(
  changes: Partial<EvaluationRequest> = {},
  signal?: AbortSignal,
  onEvent: (event: ShownEvaluationEvent) => void = () => undefined,
): Promise<ShownEvaluationEvent[]> {
  const events: ShownEvaluationEvent[] = [];
  for await (const event of evaluations.run({ ...request, ...changes }, { policy, signal })) {
    onEvent(event);
    events.push(event);
  }
  return events;
}

test("a table is scored by its columns, by a known name, or as asked", async () => {
  const { known, scoring } = await evaluations.benchmarks();
  expect(known).toHaveLength(14);
  expect(known[0]).toMatchObject({ title: "MMBench v1.1", scoring: "circular-choice", judge: "undecided" });
  expect(scoring).toContain("mmvet");
  expect(await evaluations.benchmarkOf(table)).toMatchObject({ name: "own", scoring: "exact" });
  expect(await evaluations.benchmarkOf({ ...table, benchmark: "mmvet" })).toMatchObject({ judge: "all" });
  expect(await evaluations.benchmarkOf({ ...table, benchmark: "MathVista" })).toMatchObject({
    scoring: "mathvista",
  });
  await expect(evaluations.benchmarkOf({ ...table, benchmark: "none" })).rejects.toThrow(InvalidOptionError);
});

test("the policy answers, and the report has a verdict for each answer", async () => {
  const events = await run();
  expect(events.map(({ type }) => type)).toEqual([
    "begun",
    ...Array<string>(4).fill("answered"),
    "scoring",
    "finished",
  ]);
  const verdicts = events.flatMap((event) => (event.type === "answered" ? [event.answer.score.score] : []));
  expect(verdicts).toEqual([1, 0, 1, 1]);
  const last = events.at(-1);
  if (last?.type !== "finished") throw new Error("no report");
  expect(last.report.headline).toContain("75.0%");
  expect(last.report.figures).toContainEqual(["category: counting", "2", "100.0"]);
  expect(last.answers[1].score).toMatchObject({ score: 0, extracted: "blue", how: "rule" });
  expect(await evaluations.kept("test")).toMatchObject({ answers: last.answers, report: last.report });
});

test("a run that is stopped goes on, and asks nothing twice; with other settings it does not", async () => {
  const controller = new AbortController();
  const stopped = run({}, controller.signal, ({ type }) => {
    if (type === "answered") controller.abort();
  });
  await expect(stopped).rejects.toThrow();
  const kept = await evaluations.kept("test");
  expect(kept?.report).toBeNull();
  expect(kept?.answers.length).toBeGreaterThan(0);
  await expect(run({ maxTokens: 17 })).rejects.toThrow(/sampling.maxTokens 17/);
  const [begun, ...others] = await run();
  expect(begun.type === "begun" && begun.answers.length).toBe(kept?.answers.length);
  expect(others.at(-1)?.type).toBe("finished");
  expect(new Set(asked).size).toBe(4);
  // What was under way when it was stopped may have been asked in vain, and no more.
  expect(asked.length).toBeLessThanOrEqual(5);
});

test("scoring again asks nobody, and says by which options it was done", async () => {
  await run();
  const count = asked.length;
  for await (const event of evaluations.rescore("test", { cutTags: false })) {
    if (event.type !== "finished") continue;
    expect(event.report.headline).toContain("25.0%");
    expect(event.report.options).toContainEqual(["tags", "think and answer tags left in"]);
  }
  expect(asked).toHaveLength(count);
});

test("a question that does not fit stays unanswered; what begins an answer is part of it", async () => {
  fails = new ContextLengthError("too long");
  const events = await run();
  expect(events.filter(({ type }) => type === "unanswered")).toHaveLength(4);
  fails = null;
  said["how many squares ?"] = "<answer>1</answer>";
  await evaluations.clear("test");
  const answers = await run({
    limit: 1,
    seed: 3,
    answerer: { kind: "policy", name: "talker", steps: 2, adapter: false, prefill: "<" },
  });
  const [answered] = answers.flatMap((event) => (event.type === "answered" ? [event.answer.sample] : []));
  expect(answered.response).toBe(said[answered.columns.question]);
  const kept = await evaluations.kept("test");
  expect(kept?.settings.model).toEqual({ name: "talker", adapter: false, prefill: "<" });
});

test("samples are saved with their scores, and compared: as saved here, and as the command line has them", async () => {
  await run();
  const samples = await (await evaluations.file("test", "samples")).text();
  const lines = samples
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines[0]).toHaveProperty("run.settings.model.name", "talker");
  expect(lines[2]).toMatchObject({ index: "2", response: "<answer>blue</answer>", score: 0, how: "rule" });
  const other = samples.replaceAll('"score":0', '"score":1').replaceAll("talker", "walker");
  const compared = await evaluations.compare("test", new Blob([other]), "samples.jsonl");
  expect(compared).toMatchObject({
    a: { model: "talker", value: 75 },
    b: { model: "walker", value: 100 },
    difference: 25,
    better: { a: 0, b: 1, same: 3 },
  });
  expect(compared.differences).toEqual(['model.name: "talker" and "walker"']);
  const plain = lines
    .slice(1)
    .map(({ position, index, columns, images, prompt }) =>
      JSON.stringify({ position, index, columns, images, prompt, response: "2" }),
    )
    .join("\n");
  expect(await evaluations.compare("test", new Blob([plain]), "theirs.jsonl")).toMatchObject({
    b: { model: "theirs.jsonl", value: 25 },
    difference: -50,
    differences: ["settings of the other run: not known"],
  });
  await expect(evaluations.compare("test", new Blob(["{}\n"]), "empty.jsonl")).rejects.toThrow(/empty.jsonl/);
  const foreign = `{"run":{"settings":{},"scoring":null}}\n${plain}`;
  await expect(evaluations.compare("test", new Blob([foreign]), "foreign.jsonl")).rejects.toThrow(
    "foreign.jsonl: got a run whose settings are none",
  );
  expect(await (await evaluations.file("test", "markdown")).text()).toContain("# own, answered by talker");
  expect(await (await evaluations.file("test", "csv")).text()).toContain("own,talker");
});

test("toy tables: questions with a picture each, and choices in every rotation of their options", async () => {
  const questions = { data: await evaluations.toyTable("questions") };
  expect(await evaluations.benchmarkOf(questions)).toMatchObject({ scoring: "exact" });
  const rotations = { data: await evaluations.toyTable("rotations") };
  expect(await evaluations.benchmarkOf(rotations)).toMatchObject({ scoring: "circular-choice" });
  const [file] = rotations.data.values();
  const lines = (await file.text())
    .trim()
    .split("\n")
    .map((line) => line.split("\t"));
  expect(lines).toHaveLength(25);
  for (let first = 1; first < lines.length; first += 3) {
    const group = lines.slice(first, first + 3);
    const right = group.map(([, , , ...cells]) => cells["ABC".indexOf(cells[3])]);
    expect(new Set(right).size, `the right answer of question ${group[0][0]}`).toBe(1);
    expect(new Set(group.map((cells) => cells[6])), "at each place once").toEqual(new Set(["A", "B", "C"]));
  }
  // The third rotation shows the picture of the first one's row.
  const indices = [lines[1][0], lines[3][0]];
  const images = await evaluations.images(rotations, indices);
  expect([...images.keys()]).toEqual(indices);
  const [a, b] = indices.map((index) => images.get(index)?.[0]);
  expect(a?.slice(1, 4)).toEqual(new TextEncoder().encode("PNG"));
  expect(a).toEqual(b);
});
