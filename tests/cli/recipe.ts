import { writeFileSync } from "node:fs";

/** Writes a recipe of a run of seconds on the tiny policy. Returns its path. */
export function smallRecipe(path: string, grpo: Record<string, unknown> = {}): string {
  const recipe = {
    model: "tiny",
    task: { name: "letter-share", size: 16 },
    grpo: {
      steps: 3,
      promptsPerStep: 2,
      numGenerations: 4,
      maxCompletionLength: 6,
      learningRate: 0.02,
      logKl: true,
      ...grpo,
    },
    evaluation: { scenes: 4 },
  };
  writeFileSync(path, JSON.stringify(recipe));
  return path;
}

/** Lines of more columns than a terminal of 80 has. */
export function tooWide(text: string): string[] {
  return text.split("\n").filter((line) => [...line].length > 80);
}
