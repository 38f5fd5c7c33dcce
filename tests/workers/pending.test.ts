/** A call that is pending outlives everything that its caller holds: nobody need keep the kit or a policy for it. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expose, proxy } from "comlink";
import { expect, test } from "vitest";
import { createThinktab } from "../../workers/client.ts";
import { installTransferHandlers } from "../../workers/transfer.ts";

/** An engine whose policies take their time to say what they hold. */
function slowEngine() {
  const { port1, port2 } = new MessageChannel();
  let answer: (memory: [string, number][]) => void = () => undefined;
  const asked = new Promise<[string, number][]>((resolve) => (answer = resolve));
  installTransferHandlers();
  expose(
    {
      open: () => ({ device: {}, versions: {} }),
      lost: () => new Promise(() => undefined),
      load: () => proxy({ describe: () => ({ name: "slow" }), memory: () => asked }),
      dispose: () => undefined,
    },
    port1,
  );
  return { endpoint: port2, answer, close: () => port1.close() };
}

/** Collects garbage until finalizers, which run between two tasks, have had their chance. */
async function collect() {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  for (let round = 0; round < 5; round++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a call is answered though kit and policy were let go", async () => {
  const engine = slowEngine();
  const pending = await (async () => {
    const kit = await createThinktab({ endpoint: engine.endpoint });
    const policy = await kit.loadPolicy("https://example.org/slow/");
    return { memory: policy.memory() };
  })();
  await collect();
  engine.answer([["weights", 7]]);
  expect(await pending.memory).toEqual([["weights", 7]]);
  engine.close();
}, 10_000);
