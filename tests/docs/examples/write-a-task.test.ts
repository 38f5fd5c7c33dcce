import { expect, test } from "vitest";
import fadedTask from "../../../docs/guide/examples/faded-task.js";
import { policyFolder, startInNode } from "../../../docs/guide/examples/in-node.ts";
import { trainOnTask } from "../../../docs/guide/examples/write-a-task.ts";
import { printed } from "./support.ts";

const url = new URL("../../../docs/guide/examples/faded-task.js", import.meta.url).href;

test("the same seed and split give the same example, others give others", async () => {
  const task = fadedTask();
  const [one, again, next, held] = await Promise.all([
    task.example(1),
    task.example(1, "train"),
    task.example(2),
    task.example(1, "test"),
  ]);
  expect(one).toEqual(again);
  expect([next, held].map(({ id }) => id)).toEqual(["faded/train/2", "faded/test/1"]);
  expect(next.messages).not.toEqual(one.messages);
  expect(held.messages).not.toEqual(one.messages);
});

test("a policy learns a task that is a module", async () => {
  const kit = await startInNode();
  try {
    const { result: record, lines } = await printed(async () => trainOnTask(kit, await policyFolder(), url));
    expect(lines).toHaveLength(10);
    const rewards = lines.map((line) => Number(/^step \d+: reward ([\d.]+)$/.exec(line)?.[1]));
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(rewards.slice(0, 3))).toBeLessThan(0.7);
    expect(mean(rewards.slice(-3))).toBeGreaterThan(0.8);
    expect(record?.after?.accuracy).toBeGreaterThanOrEqual(record?.before?.accuracy ?? 1);
    expect(record?.after?.parts.answered).toBeGreaterThan(0.9); // the module's own part
  } finally {
    await kit.dispose();
  }
});
