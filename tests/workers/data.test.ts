/** The data worker as a page has it, on a channel in this process. */
import { expose } from "comlink";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CorruptFileError, MissingFileError } from "../../src/util/errors.ts";
import { openAnswerer } from "../../workers/data/evaluation-models.ts";
import { DataService } from "../../workers/data/service.ts";
import type { SynthesisHost } from "../../workers/data/synthesis-protocol.ts";
import { createDataWorker, type DataWorker, type RemoteDataset } from "../../workers/data-client.ts";
import { Failure } from "../../workers/failure.ts";
import type { ShownRow } from "../../workers/data-client.ts";

const record = (number: number, more: object = {}) => ({
  problem: `How many birds are in picture ${number}?`,
  answer: String(number),
  category: number % 2 === 0 ? "Counting" : "Reading",
  abilities: ["rec", "math"],
  refined_cot: `I count ${number}.`,
  image_path: `birds/${number}.png`,
  reward: "number",
  ...more,
});
const lines = [
  ...Array.from({ length: 5 }, (_, number) => JSON.stringify(record(number))),
  "{broken",
  JSON.stringify(record(6, { answer: "  " })),
  JSON.stringify(record(7, { image_path: "../outside.png" })),
  JSON.stringify(record(8, { image_path: "birds/none.png" })),
];
const data = new Map([["set.jsonl", new Blob([lines.join("\n")])]]);
const images = new Map(
  Array.from({ length: 8 }, (_, number) => [`pictures/birds/${number}.png`, new Blob([`pixels ${number}`])]),
);

let worker: DataWorker;
let dataset: RemoteDataset;
let ports: MessageChannel;
beforeAll(async () => {
  ports = new MessageChannel();
  expose(new DataService(), ports.port1);
  worker = await createDataWorker({ endpoint: ports.port2 });
  dataset = await worker.open({ data, images });
});
afterAll(() => {
  worker.dispose();
  ports.port1.close();
  ports.port2.close();
});

async function rowsOf(query: object): Promise<ShownRow[]> {
  const found: ShownRow[] = [];
  for await (const row of dataset.rows(query)) found.push(row);
  return found;
}

test("a data set is counted, its rejected rows with their reasons", async () => {
  const report = await dataset.inspect();
  expect(report).toMatchObject({ format: "wethink", rows: 9, accepted: 5 });
  expect(report.rejected.byReason).toEqual({
    "broken-json": 1,
    "empty-answer": 1,
    "unsafe-path": 1,
    "missing-image": 1,
  });
  expect(report.categories).toEqual([
    { value: "Counting", count: 3 },
    { value: "Reading", count: 2 },
  ]);
  expect(report.samples).toHaveLength(5);
  const rejected = (await (await dataset.rejectedRows()).text()).trim().split("\n");
  expect(rejected.map((line) => (JSON.parse(line) as { number: number }).number)).toEqual([6, 7, 8, 9]);
});

test("rows are searched and filtered, and their images can be asked for", async () => {
  expect((await rowsOf({ category: "Reading" })).map(({ number }) => number)).toEqual([2, 4]);
  expect((await rowsOf({ text: "PICTURE 3" })).map(({ number }) => number)).toEqual([4]);
  expect((await rowsOf({ ability: "ocr" })).length).toBe(0);
  expect((await rowsOf({ rejected: true })).map((row) => row.rejected?.reason)).toEqual([
    "broken-json",
    "empty-answer",
    "unsafe-path",
    "missing-image",
  ]);
  expect(new TextDecoder().decode(await dataset.image(4))).toBe("pixels 3");
  await expect(dataset.image(9)).rejects.toThrow(MissingFileError);
});

test("a search that is left ends", async () => {
  for await (const { number } of dataset.rows()) {
    expect(number).toBe(1);
    break;
  }
  expect((await rowsOf({})).length).toBe(5);
});

test("a data set becomes another format", async () => {
  const { name, file, written, rejected, rejectedRows } = await dataset.convert("easyr1");
  expect([name, written, rejectedRows]).toEqual(["set-easyr1.jsonl", 5, 4]);
  const [first] = (await file.text()).split("\n");
  expect(JSON.parse(first)).toMatchObject({ answer: "0", images: ["birds/0.png"] });
  expect((await rejected!.text()).trim().split("\n")).toHaveLength(4);
  const table = await dataset.convert("vlmevalkit");
  expect(table.name).toBe("set-vlmevalkit.tsv");
  expect((await table.file.text()).split("\n")[0]).toContain("image_path");
  expect(table.imagesLeftOut).toBe(0);
});

test("images that a table holds itself are counted where the converted file has their paths alone", async () => {
  const pixels = btoa(String.fromCharCode(0x89, 0x50, 0x4e, 0x47, ...new Array<number>(60).fill(1)));
  const rows = [1, 2].map((index) =>
    [index, pixels.replace("AQ", `A${index}`), "What?", "a bird"].join("\t"),
  );
  const text = ["index\timage\tquestion\tanswer", ...rows, ""].join("\n");
  const held = await worker.open({ data: new Map([["table.tsv", new Blob([text])]]) });
  expect(await held.convert("easyr1")).toMatchObject({ written: 2, imagesLeftOut: 2 });
  held.close();
});

test("a reward is explained", async () => {
  const example = { problem: "How many?", answer: "3", reward: "number" };
  const right = await worker.explain("<think>I count.</think> <answer>3</answer>", example);
  expect(right).toMatchObject({ overall: 1, verifier: { name: "number" }, extracted: "3" });
  expect(right.parts).toMatchObject([
    { name: "accuracy", value: 1, contribution: 0.7 },
    { name: "format", value: 1, contribution: 0.3 },
  ]);
  const wrong = await worker.explain("4", example);
  expect(wrong).toMatchObject({ overall: 0, extracted: "4" });
  const formula = { problem: "Simplify.", answer: "$\\frac{1}{2}$", reward: "math" };
  expect(await worker.explain("<think></think> <answer>$0.5$</answer>", formula)).toMatchObject({
    overall: 1,
  });
});

test("a made-up data set has nothing that is rejected", async () => {
  const set = await worker.makeUp(8, 1);
  const made = await worker.open(set);
  expect(await made.inspect()).toMatchObject({ rows: 8, accepted: 8, images: { found: 8, missing: 0 } });
  expect(set.images.size).toBe(8);
  made.close();
});

test("what is no data set is refused with its class", async () => {
  const text = new Map([["notes.jsonl", new Blob(["hello there\nhow are you"])]]);
  await expect(worker.open({ data: text }).then((set) => set.inspect())).rejects.toThrow();
  const zip = new Map([["images.zip", new Blob(["no zip at all"])]]);
  await expect(worker.open({ data, images: zip })).rejects.toThrow(CorruptFileError);
});

test("who waits for a failure is told the first reason", async () => {
  const failure = new Failure();
  failure.fail(new Error("first"));
  failure.fail(new Error("second"));
  expect(await failure.failed).toMatchObject({ message: "first" });
});

test("evaluations that could not be opened are opened when they are asked for again", async () => {
  const { port1, port2 } = new MessageChannel();
  const service = new DataService();
  const { evaluations } = service;
  let calls = 0;
  service.evaluations = () => {
    if (++calls === 1) throw new Error("its script could not be loaded");
    return evaluations.call(service);
  };
  expose(service, port1);
  const worker = await createDataWorker({ endpoint: port2 });
  await expect(worker.evaluations()).rejects.toThrow("could not be loaded");
  const opened = await worker.evaluations();
  expect((await opened.benchmarks()).scoring).not.toEqual([]);
  worker.dispose();
  expect(await worker.failed).toMatchObject({ name: "AbortError" });
  port1.close();
  port2.close();
});

test("an evaluation's settings name the weights that answer, and those of the base by nothing", async () => {
  const host = {} as Partial<SynthesisHost> as SynthesisHost;
  const policy = { kind: "policy", name: "toy", steps: 3, weights: "abc", prefill: "" } as const;
  const { model } = await openAnswerer({ ...policy, adapter: true }, host);
  expect(model).toEqual({ adapter: true, trainedSteps: 3, weights: "abc" });
  expect((await openAnswerer({ ...policy, adapter: false }, host)).model).not.toHaveProperty("weights");
});
