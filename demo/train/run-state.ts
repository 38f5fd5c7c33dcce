/** What the tab shows of the page's run: the run's own recipe and steps, or before there is one, the form's. */
import { computed, signal } from "@preact/signals";
import type { RunRecipe } from "../../workers/client.ts";
import { run } from "../state/run.ts";
import { session } from "../state/session.ts";
import { curvesOf } from "./curves.ts";
import { draft } from "./recipe-draft.ts";
import { recipeFacts } from "./recipe-facts.ts";
import { storyOf } from "./story.ts";
import type { Chapter } from "./story.ts";

/** Why the form's recipe was not taken. */
export const refused = signal<unknown>(null);

const shownRecipe = computed(() => run.recipe.value ?? draft.valid.value);

export const facts = computed(() => {
  const recipe = shownRecipe.value;
  return recipe ? recipeFacts(recipe) : null;
});

export const curves = computed(() => {
  const known = facts.value;
  return known ? curvesOf({ grpo: known.kind === "grpo", task: known.task }) : [];
});

const chapter = computed((): Chapter => {
  const steps = run.steps.value;
  if (run.record.value) return { at: "after", before: run.before.value, after: run.after.value };
  if (run.phase.value === "evaluate")
    return { at: "measuring", when: run.done.value < run.planned.value ? "before" : "after" };
  if (run.saved.value?.inUse) return { at: "during", steps }; // in another tab
  if (run.state.value === "idle" || run.state.value === "planning") {
    return steps.length > 0 ? { at: "stopped", step: run.done.value } : { at: "before" };
  }
  return { at: "during", steps };
});

/** The form's text for which the plan was made, or the run begun, that the run store knows of. */
const plannedText = signal<string | null>(null);

/** What is planned: the run that goes on, else that of the form; with what is known of its time and memory. */
export const planned = computed(() => {
  const busy = run.state.value !== "idle" && run.recipe.value !== null && run.state.value !== "planning";
  const recipe = busy ? run.recipe.value : draft.valid.value;
  if (!recipe) return null;
  const known = busy || plannedText.value === draft.text.value;
  const plan = known ? run.plan.value : null;
  const stepMs = (known ? run.msPerStep.value : null) ?? plan?.stepMs ?? null;
  const { steps } = recipeFacts(recipe);
  const expectedMs = plan?.expectedMs ?? (stepMs === null ? null : stepMs * steps);
  return { facts: recipeFacts(recipe), stepMs, expectedMs, budget: plan?.budget ?? [] };
});

export const story = computed(() => (facts.value ? storyOf(facts.value, chapter.value) : ""));

/** The form's recipe; undefined when it was refused, which is then shown. */
function recipeOfForm(): RunRecipe | undefined {
  refused.value = null;
  try {
    return draft.read(session.model.value);
  } catch (error) {
    refused.value = error;
    return undefined;
  }
}

export async function seePlan(): Promise<void> {
  const recipe = recipeOfForm();
  if (!recipe) return;
  const text = draft.text.peek(); // it may be changed while the plan is made
  plannedText.value = null; // what is known is of another recipe
  try {
    await run.makePlan(recipe, { probe: true });
    plannedText.value = text;
  } catch (error) {
    refused.value = error;
  }
  await run.look(); // a plan is made of a fresh policy: it is no longer the last run's that answers
}

export function startTraining(): void {
  const recipe = recipeOfForm();
  if (!recipe) return;
  plannedText.value = draft.text.peek();
  void run.start(recipe);
}
