/** What can be trained: the shipped recipes, and sets of one's own. */
import { shippedRecipes } from "../../workers/client.ts";

export interface Choice {
  id: string;
  label: string;
  /** One sentence: what it is, or what to look for. */
  about: string;
  /** The recipe as a file has it. Examples of the user's own are not in it. */
  recipe: unknown;
  /** Where the examples come from: the recipe, the user's own images, or the records that are open in the tab Data. */
  from: "recipe" | "images" | "records";
}

const texts: Readonly<Record<string, { label: string; about: string }>> = {
  toy: {
    label: "Toy: right or wrong",
    about:
      "The policy is right far more often when it thinks first, but has the habit of answering at once; rewarding nothing but right answers lets it find out that thinking pays.",
  },
  "toy-hybrid": {
    label: "Toy: right and well formed",
    about: "A right answer is worth 0.7, and 0.3 are for thinking first and then answering, in due form.",
  },
  "toy-collapse": {
    label: "Toy: too fast",
    about:
      "The learning rate is five times too high: it learns quickly to think, and then falls apart. Watch reward and KL.",
  },
  "toy-kl": {
    label: "Toy: too fast, but held",
    about:
      "The same high learning rate, with a penalty on the distance from where the policy began (KL), which holds it.",
  },
  "toy-sft": {
    label: "Toy: shown how (SFT)",
    about:
      "No reward: ideal answers, reasoning included, are shown and imitated. Compare how few steps that takes, and that somebody has to write them.",
  },
};

/** Recipes that ship for other surroundings than this page. */
const left = new Set(["letter-share"]);

const ownTask = { name: "examples", reward: "answer", heldOut: 0.2 };
const ownRecords = { name: "records", validation: 0, test: 0.2 };
const own: readonly Choice[] = [
  {
    id: "records",
    label: "Records (GRPO)",
    about:
      "The records that are open in the tab Data: answers are sampled, and rewarded by the rule that each record asks for (0.7) and for their form (0.3).",
    from: "records",
    recipe: {
      model: "toy",
      task: { ...ownRecords, reward: { weights: { accuracy: 0.7, format: 0.3 }, format: "strict" } },
      lora: { rank: 8, alpha: 16, seed: 0 },
      grpo: {
        steps: 20,
        seed: 1,
        promptsPerStep: 8,
        numGenerations: 8,
        maxCompletionLength: 48,
        learningRate: 0.001,
        logKl: true,
      },
      evaluation: { scenes: 64, split: "test" },
    },
  },
  {
    id: "records-sft",
    label: "Records (SFT)",
    about:
      "The records that are open in the tab Data: their reasoning and answers are shown to the policy to be imitated. Those without reasoning are left out.",
    from: "records",
    recipe: {
      model: "toy",
      task: { ...ownRecords, requireReasoning: true },
      lora: { rank: 8, alpha: 16, seed: 0 },
      sft: {
        steps: 20,
        seed: 1,
        batchSize: 8,
        mode: "think",
        learningRate: 0.001,
        schedule: "constant",
        maxCompletionLength: 48,
      },
      evaluation: { scenes: 64, split: "test" },
    },
  },
  {
    id: "own",
    label: "My own images (GRPO)",
    about:
      "Your images, questions and answers: each step samples answers to some of them and rewards the right ones.",
    from: "images",
    recipe: {
      model: "toy",
      task: ownTask,
      lora: { rank: 8, alpha: 16, seed: 0 },
      grpo: {
        steps: 20,
        seed: 1,
        promptsPerStep: 4,
        numGenerations: 8,
        maxCompletionLength: 48,
        learningRate: 0.0005,
        logKl: true,
      },
      evaluation: { scenes: 64, split: "test" },
    },
  },
  {
    id: "own-sft",
    label: "My own images (SFT)",
    about: "Your images, questions and answers, shown to the policy to be imitated: no reward, no samples.",
    from: "images",
    recipe: {
      model: "toy",
      task: ownTask,
      lora: { rank: 8, alpha: 16, seed: 0 },
      sft: { steps: 30, seed: 1, batchSize: 8, mode: "answer", learningRate: 0.0005 },
      evaluation: { scenes: 64, split: "test" },
    },
  },
];

/** In the order in which they are offered; the first is the default. */
export const choices: readonly Choice[] = [
  ...Object.entries(shippedRecipes)
    .filter(([id]) => !left.has(id))
    .map(([id, recipe]) => ({
      id,
      label: texts[id]?.label ?? id,
      about: texts[id]?.about ?? "",
      recipe,
      from: "recipe" as const,
    })),
  ...own,
];
