import { modelOptions, parseRunRecipe } from "thinktab";
import type { Evaluation, PolicySource, RunRecipe, Thinktab } from "thinktab";

// #region rewarded
/** Lets the policy try, and rewards what the hybrid reward finds right: 0.7 for the answer, 0.3 for the form. */
export const rewarded = parseRunRecipe({
  model: "models/Qwen2.5-VL-3B-Instruct",
  task: { name: "records", data: "records.jsonl", images: "image.zip.part-aa" },
  lora: { rank: 16, alpha: 32 },
  grpo: { steps: 200, promptsPerStep: 8, numGenerations: 5, maxCompletionLength: 1024, learningRate: 1e-5 },
  evaluation: { scenes: 200 },
});
// #endregion

// #region judged
/** Descriptive answers are judged by a model; the key of its endpoint is no part of a recipe. */
export const judge = {
  model: { kind: "openai", baseUrl: "https://api.deepseek.com/v1", model: "deepseek-chat" },
};
export const judged = parseRunRecipe({
  ...rewarded,
  task: { ...rewarded.task, reward: { weights: { accuracy: 0.7, format: 0.3 }, judge } },
});
// #endregion

// #region taught
/** Shows the policy the records' reasoning and answers, packed 4096 tokens at a time. */
export const taught = parseRunRecipe({
  model: "models/Qwen2.5-VL-3B-Instruct",
  task: { ...rewarded.task, requireReasoning: true },
  lora: { rank: 16, alpha: 32 },
  sft: { steps: 500, batchSize: 16, tokensPerBatch: 4096, learningRate: 1e-4 },
  evaluation: { scenes: 0 },
});
// #endregion

// #region page
/** What a user picked or dropped: the records' file, and the images' folder with the paths that the records have. */
export interface PickedSet {
  records: File;
  images: ReadonlyMap<string, Blob>;
}

/** Trains on picked files. They stay where they are: of each record's image is read when its turn comes. */
export async function trainOnRecords(
  kit: Thinktab,
  source: PolicySource | string,
  { records, images }: PickedSet,
  recipe: RunRecipe,
  report: (line: string) => void,
): Promise<{ after: Evaluation | null; adapter: Map<string, Uint8Array> }> {
  const files = {
    data: { name: records.name, file: records },
    images: { name: "images", files: images },
  };
  const task = { ...recipe.task, ...files };
  const policy = await kit.loadPolicy(source, modelOptions(recipe));
  try {
    let after: Evaluation | null = null;
    for await (const event of policy.train({ ...recipe, task }, { name: "my-records" })) {
      if (event.type === "step") {
        const name = "sft" in recipe ? "loss" : "reward";
        report(`step ${event.step + 1}: ${name} ${event.metrics[name].toFixed(2)}`);
      }
      if (event.type === "warning") report(event.message);
      if (event.type === "finished") ({ after } = event);
    }
    return { after, adapter: await policy.exportAdapter() };
  } finally {
    await policy.dispose();
  }
}
// #endregion
