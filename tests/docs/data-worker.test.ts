import { expose } from "comlink";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDataWorker, type DataWorker } from "thinktab";
import { fromPictures, look, pay, takeAway } from "../../docs/guide/examples/data-worker.ts";
import { DataService } from "../../workers/data/service.ts";

let worker: DataWorker;
let ports: MessageChannel;
beforeAll(async () => {
  ports = new MessageChannel();
  expose(new DataService(), ports.port1);
  worker = await createDataWorker({ endpoint: ports.port2 });
});
afterAll(() => {
  worker.dispose();
  ports.port1.close();
  ports.port2.close();
});

test("a data set is opened, counted, searched, converted and handed over", async () => {
  const { data, images } = await worker.makeUp(30);
  const { dataset, summary, found } = await look(worker, data, images, "how many");
  expect(summary).toBe("30 taken, 0 rejected");
  expect(found.length).toBeGreaterThan(0);
  expect(found.every((row) => "record" in row && row.record.problem.includes("how many"))).toBe(true);
  const { rows, archive } = await takeAway(dataset);
  expect((await rows.text()).trim().split("\n")).toHaveLength(30);
  expect(archive.archive.size).toBeGreaterThan(1000);
  dataset.close();
});

test("a reward is explained", async () => {
  expect(await pay(worker, "<think>1, 2</think> <answer>2</answer>", "2")).toMatchObject({ overall: 1 });
  expect(await pay(worker, "<think>1</think> <answer>1</answer>", "2")).toMatchObject({ overall: 0.3 });
});

test("a synthesis is kept in the browser, and nowhere else", async () => {
  const pictures = new Map([["a.png", new Blob(["pixels"])]]);
  await expect(fromPictures(worker, pictures, "http://127.0.0.1:9", "sk-none")).rejects.toThrow(/IndexedDB/);
});
