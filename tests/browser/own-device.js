/** A page with a GPU device of its own: the engine then runs in the page's thread, which fetches it for that. */
import { createThinktab, modelOptions, parseRunRecipe } from "thinktab";

const adapter = await navigator.gpu.requestAdapter();
if (!adapter) throw new Error("no adapter");
const device = await adapter.requestDevice();
let lost = false;
void device.lost.then(() => (lost = true));

const recipe = parseRunRecipe({
  model: "toy",
  task: { name: "shapes", reward: "answer" },
  grpo: { steps: 1, promptsPerStep: 1, numGenerations: 2, maxCompletionLength: 8 },
  evaluation: { scenes: 0 },
});
const kit = await createThinktab({ device, storage: "memory" });
const policy = await kit.loadPolicy("toy", modelOptions(recipe));
const [{ tokens }] = await policy.generate([{ role: "user", content: "how many ?" }], { maxNewTokens: 4 });
const events = [];
for await (const { type } of policy.train(recipe)) events.push(type);
await kit.dispose();

// Still the page's: nothing of it was destroyed.
device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE }).destroy();
await device.queue.onSubmittedWorkDone();
document.body.textContent = JSON.stringify({ tokens: tokens.length, events: [...new Set(events)], lost });
