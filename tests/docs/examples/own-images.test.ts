import { expect, test } from "vitest";
import { rewarded, shown, taskOf, trainOnImages } from "../../../docs/guide/examples/own-images.ts";
import { policyFolder, startInNode } from "../../../docs/guide/examples/in-node.ts";
import { ownRows } from "./pictures.ts";

test("the task of one's own pictures holds them as data URLs", async () => {
  const task = await taskOf(await ownRows(2));
  expect(task).toMatchObject({ name: "examples", heldOut: 0.2 });
  for (const { image, question, answer } of task.examples) {
    expect(image).toMatch(/^data:image\/png;base64,[A-Za-z0-9+/]+=*$/);
    expect([question, answer]).toEqual(["describe the picture .", expect.stringMatching(/^[a-z]+$/)]);
  }
});

test("shown the right responses to 19 pictures, the policy is right about the 5 held out", async () => {
  const kit = await startInNode();
  try {
    const lines: string[] = [];
    const { before, after, adapter } = await trainOnImages(
      kit,
      await policyFolder(),
      await ownRows(24),
      shown,
      (line) => lines.push(line),
    );
    expect(before).toMatchObject({ count: 5, accuracy: 0 }); // it says "yellow triangle"; "yellow" is wanted
    expect(after?.accuracy).toBeGreaterThanOrEqual(0.8);
    expect(lines).toHaveLength(shown.sft.steps);
    const losses = lines.map((line) => Number(/^step \d+: loss ([\d.]+)$/.exec(line)?.[1]));
    expect(losses[0]).toBeGreaterThan(2);
    expect(losses[19]).toBeLessThan(0.1);
    expect([...adapter.keys()].sort()).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
  } finally {
    await kit.dispose();
  }
});

test("what is never right is never rewarded, and a warning says so", async () => {
  const kit = await startInNode();
  try {
    const lines: string[] = [];
    const short = { grpo: { ...rewarded.grpo, steps: 1 } };
    const rows = await ownRows(8);
    const { before, after } = await trainOnImages(kit, await policyFolder(), rows, short, (line) =>
      lines.push(line),
    );
    expect(lines).toEqual([
      "step 1: reward 0.000",
      "in every group all completions got the same reward: there was nothing to learn from",
    ]);
    expect([before?.count, after?.count]).toEqual([2, 2]);
  } finally {
    await kit.dispose();
  }
});
