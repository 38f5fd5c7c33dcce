/** What is open in the tab Data, and its searches, with a data worker that does what a test says. */
import { beforeEach, expect, test, vi } from "vitest";
import { data } from "../../demo/data/data-store.ts";
import { openFiles } from "../../demo/state/open-records.ts";
import type { DataWorker, DatasetFiles, RemoteDataset, ShownRow } from "../../workers/client.ts";

interface Search {
  signal: AbortSignal | undefined;
  give: (rows: number) => void;
}
const fake = vi.hoisted(() => ({
  opened: [] as unknown[],
  searches: [] as unknown[],
  inspect: () => Promise.resolve({}),
}));
vi.mock(import("../../demo/state/data-worker.ts"), () => ({
  dataWorker: () => {
    const dataset: Partial<RemoteDataset> = {
      inspect: () => fake.inspect() as ReturnType<RemoteDataset["inspect"]>,
      close: () => undefined,
      async *rows(_query, { signal, onProgress } = {}) {
        let wake: (rows: number) => void = () => undefined;
        const search: Search = { signal, give: (rows) => wake(rows) };
        fake.searches.push(search);
        for (let number = 0; ;) {
          const rows = await new Promise<number>((resolve, reject) => {
            wake = resolve;
            signal?.addEventListener("abort", () => reject(signal.reason as Error));
          });
          onProgress?.(rows);
          const row = { number: number++, record: {} } as Partial<ShownRow> as ShownRow;
          yield row;
        }
      },
    };
    const worker: Partial<DataWorker> = {
      open: (files) => {
        fake.opened.push(files);
        return Promise.resolve(dataset as RemoteDataset);
      },
    };
    return Promise.resolve(worker as DataWorker);
  },
}));

const file = (name: string) => new File(["x"], name);
const opened = () => fake.opened.at(-1) as DatasetFiles;
const search = (number: number) => fake.searches.at(number) as Search;
const tick = () => new Promise((resolve) => setTimeout(resolve, 0));

beforeEach(() => {
  fake.searches.length = 0;
  fake.inspect = () => Promise.resolve({});
});

test("a search says how far it is, and can be stopped; another one ends it", async () => {
  void data.addFiles([file("set.jsonl")]);
  await vi.waitFor(() => expect(fake.searches).toHaveLength(1));
  expect(data.searched.value).toBe("going");
  search(0).give(1024);
  await vi.waitFor(() => expect(data.lookedAt.value).toBe(1024));
  await tick();
  data.stopSearching();
  await vi.waitFor(() => expect(data.searched.value).toBe("stopped"));
  expect([data.rows.value.length, data.problem.value]).toEqual([1, null]);

  void data.find();
  await vi.waitFor(() => expect(fake.searches).toHaveLength(2));
  void data.find();
  await vi.waitFor(() => expect(fake.searches).toHaveLength(3));
  expect(search(1).signal?.aborted).toBe(true);
  expect([search(2).signal?.aborted, data.searched.value]).toEqual([false, "going"]);
  data.stop();
  expect(search(2).signal?.aborted).toBe(true);
});

test("images belong to the data set that they were chosen for", async () => {
  void data.addFiles([file("one.jsonl")]);
  await vi.waitFor(() => expect(opened()).not.toHaveProperty("images"));
  const images = [file("a.png"), file("other.jsonl")];
  void data.addFiles(images, "images");
  await vi.waitFor(() => expect(opened()).toHaveProperty("images", [images[0]]));
  expect(opened().data).toHaveProperty("size", 1);
  expect(data.title.value).toContain("one.jsonl");
  void data.addFiles([file("two.jsonl")]);
  await vi.waitFor(() => expect(data.title.value).toContain("two.jsonl"));
  expect(opened()).not.toHaveProperty("images");
  await data.addFiles([file("README.md")]);
  expect(data.problem.value).toMatchObject({ code: "InvalidOptionError" });
  expect(data.title.value).toContain("two.jsonl");
});

test("records can be trained on once they are known to be a data set", async () => {
  let fail: (error: Error) => void = () => undefined;
  fake.inspect = () => new Promise((_resolve, reject) => (fail = reject));
  const opening = data.addFiles([file("bad.jsonl")]);
  await vi.waitFor(() => expect(data.dataset.value).not.toBeNull());
  expect(openFiles.value).toBeNull();
  fail(new Error("no data set"));
  await opening;
  expect([openFiles.value, (data.problem.value as Error).message]).toEqual([null, "no data set"]);
  fake.inspect = () => Promise.resolve({});
  void data.addFiles([file("good.jsonl")]);
  await vi.waitFor(() => expect(openFiles.value).not.toBeNull());
});
