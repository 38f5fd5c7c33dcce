import type { Evaluation, PolicySource, Thinktab } from "thinktab";

// #region rows
/** A picture of yours, what is asked about it, and what is right. */
export interface Row {
  image: Blob;
  question: string;
  answer: string;
  /** What a good response says before it answers. For supervised training; may be left out. */
  reasoning?: string;
}

/** The task of these rows: a fifth of them is held out, and never trained on. */
export async function taskOf(rows: Row[]) {
  const examples = await Promise.all(rows.map(async (row) => ({ ...row, image: await dataUrl(row.image) })));
  return { name: "examples", examples, heldOut: 0.2 };
}

async function dataUrl(image: Blob): Promise<string> {
  const bytes = new Uint8Array(await image.arrayBuffer());
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return `data:${image.type || "image/png"};base64,${btoa(binary)}`;
}
// #endregion

// #region trainings
/** Shows the policy the right responses. */
export const shown = { sft: { steps: 20, batchSize: 8, mode: "answer", learningRate: 2e-3, warmupSteps: 2 } };

/** Lets the policy try, and rewards the answers that are right. */
export const rewarded = { grpo: { steps: 20, promptsPerStep: 4, numGenerations: 8, learningRate: 1e-3 } };
// #endregion

// #region train
/** Trains a policy on the rows; gives the accuracy before and after on those held out, and the adapter's files. */
export async function trainOnImages(
  kit: Thinktab,
  source: PolicySource | string,
  rows: Row[],
  training: typeof shown | typeof rewarded,
  report: (line: string) => void,
): Promise<{ before: Evaluation | null; after: Evaluation | null; adapter: Map<string, Uint8Array> }> {
  const recipe = { model: "mine", task: await taskOf(rows), lora: { rank: 8, alpha: 16 }, ...training };
  const policy = await kit.loadPolicy(source, { lora: recipe.lora });
  try {
    let [before, after]: (Evaluation | null)[] = [null, null];
    for await (const event of policy.train(recipe, { name: "my-images" })) {
      if (event.type === "step") {
        const name = "sft" in training ? "loss" : "reward";
        report(`step ${event.step + 1}: ${name} ${event.metrics[name].toFixed(3)}`);
      }
      if (event.type === "warning") report(event.message);
      if (event.type === "finished") ({ before, after } = event);
    }
    return { before, after, adapter: await policy.exportAdapter() };
  } finally {
    await policy.dispose();
  }
}
// #endregion
