import { defineCommand } from "citty";
import { numberOption, UsageError } from "./arguments.ts";
import { judgeKeyOption } from "./reward-services.ts";
import { readRecipe } from "./run-recipe-file.ts";
import { runOptions, runTraining } from "./run-recipe.ts";
import { toyModel } from "./session.ts";
import { openTask } from "./task.ts";

const options = {
  steps: {
    type: "string",
    description: "Steps, earlier ones too (default: the recipe's)",
    valueHint: "N",
  },
  seed: { type: "string", description: "Seed of examples and draws (default: the recipe's)", valueHint: "S" },
  out: runOptions.out,
  resume: runOptions.resume,
  eval: {
    type: "string",
    description: "Held-out examples, 0: none (default: the recipe's)",
    valueHint: "N",
  },
  json: runOptions.json,
  profile: { type: "boolean", description: "Show where a step's time goes, after the run" },
  ...judgeKeyOption,
} as const;

interface GivenOptions {
  steps?: string;
  seed?: string;
  out?: string;
  resume?: boolean;
  eval?: string;
  json?: boolean;
  profile?: boolean;
  "judge-key-env"?: string;
}

export const trainCommand = defineCommand({
  meta: { name: "train", description: "Train a LoRA adapter as a recipe says" },
  args: {
    recipe: {
      type: "positional",
      description: "File of a recipe, or a shipped one's name, such as toy",
      required: true,
    },
    ...options,
  },
  run: ({ args }) => train(args.recipe, args, "train"),
});

export const toyCommand = defineCommand({
  meta: { name: "toy", description: "Train the toy policy by GRPO: `train toy`" },
  args: {
    recipe: { type: "string", description: "File of another recipe, or its name", valueHint: "FILE" },
    ...options,
  },
  run: ({ args }) => train(args.recipe ?? toyModel, args, "toy"),
});

async function train(name: string, given: GivenOptions, command: "train" | "toy"): Promise<void> {
  const { out, resume, json, profile } = given;
  if (resume === true && out === undefined)
    throw new UsageError("--resume needs --out, where the checkpoint is");
  const recipe = await readRecipe(name, {
    steps: numberOption("steps", given.steps),
    seed: numberOption("seed", given.seed),
    scenes: numberOption("eval", given.eval),
  });
  if (profile === true && "sft" in recipe)
    throw new UsageError("--profile: got a supervised recipe, expected one that trains by GRPO");
  const which = command === "toy" ? (name === toyModel ? [] : ["--recipe", name]) : [name];
  await runTraining({
    out,
    resume,
    json,
    profile,
    command: [command, ...which, ...again(given)],
    prepare: async (progress, signal) => {
      const keyEnv = given["judge-key-env"];
      return { name, recipe, opened: await openTask(recipe.task, { keyEnv, progress, signal }) };
    },
  });
}

function again(given: GivenOptions): string[] {
  return (["steps", "seed", "eval", "judge-key-env"] as const).flatMap((name) => {
    const value = given[name];
    return value === undefined ? [] : [`--${name}`, value];
  });
}
