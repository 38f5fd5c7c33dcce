import { expect, test } from "vitest";
import { GpuUnavailableError, ImageDecodeError, InvalidOptionError, type Message } from "thinktab";
import { Device } from "thinktab/engine";
import { dawnGpu } from "thinktab/node";
import { Assistant, requestDevice } from "../../../docs/guide/examples/embed.ts";
import { policyFolder } from "../../../docs/guide/examples/in-node.ts";
import { withToy } from "./support.ts";

const question: Message[] = [{ role: "user", content: "how many circles ?" }];

test("an assistant on a device of one's own: starts once, and again when the device was lost", async () => {
  const devices: GPUDevice[] = [];
  const assistant = new Assistant(await policyFolder(), async () => {
    devices.push(await requestDevice(await dawnGpu()));
    return { device: devices[devices.length - 1], storage: "memory" };
  });
  expect(await assistant.ask(question)).not.toBe("");
  expect(await assistant.ask(question)).not.toBe("");
  expect(devices).toHaveLength(1);

  devices[0].destroy();
  const both = await Promise.all([assistant.ask(question), assistant.ask(question)]);
  expect(both).not.toContain("");
  expect(devices).toHaveLength(2); // the two did not end each other's

  await assistant.dispose();
  let lost = false;
  void devices[1].lost.then(() => (lost = true));
  await devices[1].queue.onSubmittedWorkDone();
  expect(lost).toBe(false); // the device is the caller's, and stays
  devices[1].destroy();
});

test("the device that the page asks for is one that the kit asks for itself", async () => {
  const mine = await requestDevice(await dawnGpu());
  const { info, handle } = await Device.create({ gpu: await dawnGpu() });
  expect((await Device.create({ device: mine })).info).toEqual(info);
  mine.destroy();
  handle.destroy();
});

test("a device with default limits and no features answers too", async () => {
  const adapter = await (await dawnGpu()).requestAdapter();
  const device = await adapter?.requestDevice();
  const assistant = new Assistant(await policyFolder(), () => ({ device, storage: "memory" }));
  expect(await assistant.ask(question)).not.toBe("");
  await assistant.dispose();
  device?.destroy();
});

test("errors have their class, and a start that failed may be tried again", async () => {
  const toy = await policyFolder();
  let attempts = 0;
  const assistant = new Assistant(toy, async () => {
    if (++attempts === 1) throw new GpuUnavailableError("no adapter yet");
    return { device: await requestDevice(await dawnGpu()), storage: "memory" };
  });
  await expect(assistant.ask(question)).rejects.toThrow(GpuUnavailableError);
  const broken: Message[] = [{ role: "user", content: [{ type: "image", image: new Blob(["no picture"]) }] }];
  await expect(assistant.ask(broken)).rejects.toThrow(ImageDecodeError);
  expect(attempts).toBe(2);
  await expect(assistant.ask(question, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  await assistant.dispose();
});

test("an option that is none is named", async () => {
  await withToy(async (policy) => {
    const asked = policy.generate(question, { temperature: -1 });
    await expect(Promise.resolve(asked)).rejects.toThrow(InvalidOptionError);
    await expect(Promise.resolve(policy.generate(question, { temperature: -1 }))).rejects.toThrow(
      "temperature: got -1, expected a number from 0 to 100",
    );
  });
});
