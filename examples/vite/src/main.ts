import { createThinktab, modelOptions, parseRunRecipe } from "thinktab";
import type { RgbImage, RunRecipe } from "thinktab";
import "./style.css";

const canvas = element<HTMLCanvasElement>("picture");
const question = element<HTMLInputElement>("question");
const buttons = ["scene", "ask", "train", "dispose"].map((id) => element<HTMLButtonElement>(id));

addEventListener("error", ({ message }) => show("state", message));
addEventListener("unhandledrejection", ({ reason }) => show("state", String(reason)));

// #region start
/** What is trained and how: questions about scenes of shapes, rewarded for a right answer. */
function recipeOf(steps: number): RunRecipe {
  return parseRunRecipe({
    model: "toy",
    task: { name: "shapes", reward: "answer" },
    lora: { rank: 8, alpha: 16 },
    grpo: { steps, promptsPerStep: 8, numGenerations: 8, maxCompletionLength: 48, learningRate: 1e-3 },
    evaluation: { scenes: 32 }, // asked before and after
  });
}

// Starts the engine in a worker of its own: the page stays smooth whatever is computed.
const kit = await createThinktab({
  storage: "memory", // runs are forgotten with the tab; left out, they are kept and can be resumed
  onProgress: ({ done, total }) => show("state", `Loading the policy: layer ${done} of ${total}`),
});
let policy = await kit.loadPolicy("toy", modelOptions(recipeOf(1)));
// #endregion
let trained = false;
let image: RgbImage | Blob;
let seed = 1;
await showScene();
show("state", `Ready on ${kit.device.vendor || "an adapter without a name"} ${kit.device.architecture}`);
enable(true);

element("scene").addEventListener("click", () => void showScene());

element<HTMLInputElement>("file").addEventListener("change", async function () {
  const file = this.files?.[0];
  if (!file) return;
  const bitmap = await createImageBitmap(file);
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  image = file; // any image that the browser decodes, as it is
});

element("question-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  enable(false);
  try {
    show("answer", "");
    const text = question.value;
    const completion = policy.generate(
      [
        {
          role: "user",
          content: [
            { type: "image", image },
            { type: "text", text },
          ],
        },
      ],
      { maxNewTokens: 64, temperature: 0 },
    );
    // Streams; `const [{ text }] = await completion` would give it whole.
    for await (const piece of completion) element("answer").append(piece.text);
  } finally {
    enable(true);
  }
});

element("training-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  enable(false);
  try {
    const recipe = recipeOf(element<HTMLInputElement>("steps").valueAsNumber);
    if (trained) {
      // A run begins with an adapter that has learnt nothing.
      await policy.dispose();
      policy = await kit.loadPolicy("toy", modelOptions(recipe));
    }
    trained = true;
    // A run is read event by event. `pause()`, `resume()` and `stop()` of the run hold it.
    for await (const event of policy.train(recipe)) {
      if (event.type === "evaluating")
        show("progress", `Scene ${event.done} of ${event.total}, ${event.when}`);
      if (event.type === "step")
        show("progress", `Step ${event.step + 1}: reward ${event.metrics.reward.toFixed(2)}`);
      if (event.type === "finished") {
        const [before, after] = [event.before, event.after].map((found) =>
          Math.round(100 * (found?.accuracy ?? 0)),
        );
        show("progress", `Done: ${before}% right answers before, ${after}% after`);
      }
    }
  } finally {
    enable(true);
  }
});

element("dispose").addEventListener("click", async () => {
  enable(false);
  await kit.dispose(); // ends the workers, and frees all that was on the GPU
  show("state", "Freed. Reload the page to start again.");
});

/** One of the toy task's own scenes, with a question about it: the same for the same seed. */
async function showScene(): Promise<void> {
  const { messages } = await kit.example({ name: "shapes" }, seed++);
  for (const part of messages.flatMap(({ content }) => (typeof content === "string" ? [] : content))) {
    if (part.type === "text") question.value = part.text;
    if (part.type === "image") drawPixels(part.image as RgbImage);
  }
}

/** Red, green and blue of each pixel; a canvas also wants its opacity. */
function drawPixels(pixels: RgbImage): void {
  const { width, height, data } = pixels;
  const drawn = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) drawn.data.set([...data.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d")?.putImageData(drawn, 0, 0);
  image = pixels;
}

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

function show(id: string, text: string): void {
  element(id).textContent = text;
}

function enable(ready: boolean): void {
  for (const button of buttons) button.disabled = !ready;
}
