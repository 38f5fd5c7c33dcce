/** A recipe's main points, whichever kind of training it is of. */
import type { RunRecipe } from "../../workers/client.ts";
import type { HintFacts } from "./hints.ts";
import type { StoryFacts } from "./story.ts";

export interface RecipeFacts extends StoryFacts, HintFacts {
  steps: number;
  /** Held-out examples of each evaluation. */
  scenes: number;
  learningRate: number;
}

export function recipeFacts(recipe: RunRecipe): RecipeFacts {
  const { task, evaluation } = recipe;
  if ("sft" in recipe) {
    const { steps, batchSize, maxGradNorm, maxCompletionLength, learningRate } = recipe.sft;
    return {
      kind: "sft",
      task: task.name,
      questions: batchSize,
      samples: 1,
      maxGradNorm,
      maxCompletionLength,
      steps,
      scenes: evaluation.scenes,
      learningRate,
    };
  }
  const { steps, promptsPerStep, numGenerations, klCoef, numIterations, learningRate } = recipe.grpo;
  const { maxGradNorm, maxCompletionLength } = recipe.grpo;
  return {
    kind: "grpo",
    task: task.name,
    questions: promptsPerStep,
    samples: numGenerations,
    klCoef,
    numIterations,
    maxGradNorm,
    maxCompletionLength,
    steps,
    scenes: evaluation.scenes,
    learningRate,
  };
}
