/** Which run is wanted: one of the shipped recipes, with what the user changed of it. */
import { InvalidOptionError, parseRunRecipe, shippedRecipes } from "../workers/client.ts";
import type { RunRecipe } from "../workers/client.ts";
import { element, make, numberIn } from "./dom.ts";

const ui = {
  recipe: element("recipe", HTMLSelectElement),
  about: element("recipe-about", HTMLElement),
  json: element("recipe-json", HTMLTextAreaElement),
  steps: element("steps", HTMLInputElement),
  seed: element("train-seed", HTMLInputElement),
};

const start =
  "The policy can think before it answers, and is right far more often when it does, but has the habit of answering at once. ";
const about: Readonly<Record<string, { label: string; text: string }>> = {
  toy: {
    label: "toy: right or wrong",
    text: `${start}Each step asks it a few questions, several times each, and rewards nothing but right answers: it finds out by itself that thinking pays.`,
  },
  "toy-hybrid": {
    label: "toy-hybrid: and well formed",
    text: `${start}Here a right answer is worth 0.7, and 0.3 are for thinking first and then answering, in due form.`,
  },
  "toy-collapse": {
    label: "toy-collapse: too fast",
    text: "The learning rate is too high: the policy learns quickly to think, and then falls apart. Watch reward and KL.",
  },
  "toy-kl": {
    label: "toy-kl: too fast, but held",
    text: "The same high learning rate, with a penalty on the distance from where the policy began (KL), which holds it.",
  },
};

export class RecipeForm {
  constructor() {
    ui.recipe.append(
      ...Object.keys(shippedRecipes).map((name) => new Option(about[name]?.label ?? name, name)),
    );
    ui.recipe.addEventListener("change", () => this.#fill());
    this.#fill();
  }

  /** The name under which the recipe chosen ships. */
  get name(): string {
    return ui.recipe.value;
  }

  /**
   * The recipe as it stands in the form, for a model.
   * @throws InvalidOptionError naming the value that is out of range, the key that is unknown, or that it is not JSON.
   */
  read(model: string): RunRecipe {
    const overrides = { steps: numberIn("steps"), seed: numberIn("train-seed"), scenes: numberIn("scenes") };
    let json: unknown;
    try {
      json = JSON.parse(ui.json.value);
    } catch (cause) {
      throw new InvalidOptionError("recipe", String(cause), "JSON");
    }
    return parseRunRecipe(typeof json === "object" && json !== null ? { ...json, model } : json, overrides);
  }

  #fill(): void {
    const recipe = shippedRecipes[this.name];
    ui.about.textContent = about[this.name]?.text ?? "";
    ui.json.value = JSON.stringify(recipe, null, 2);
    const { grpo } = parseRunRecipe(recipe);
    ui.steps.value = String(grpo.steps);
    ui.seed.value = String(grpo.seed);
  }
}

/** What a run does, in facts with their names. */
export function recipeFacts({ grpo, evaluation, task }: RunRecipe): HTMLElement[] {
  const reward = typeof task.reward === "string" ? task.reward : "the task's own";
  const kl = grpo.klCoef > 0 ? String(grpo.klCoef) : "none";
  return [
    fact("Steps", String(grpo.steps)),
    fact("Answers a step", `${grpo.promptsPerStep} × ${grpo.numGenerations}`),
    fact("Longest answer", `${grpo.maxCompletionLength} tokens`),
    fact("Reward", reward),
    fact("Learning rate", String(grpo.learningRate)),
    fact("KL penalty", kl),
    fact("Held-out scenes", evaluation.scenes > 0 ? `${evaluation.scenes}, before and after` : "none"),
  ];
}

/** A name and a value, for a list of them. */
export function fact(name: string, value: string, title = name): HTMLElement {
  return make("div", { title }, make("dt", {}, name), make("dd", {}, value));
}
