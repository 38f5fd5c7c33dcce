/** The recipe that is being put together: one JSON, which its most important values are also fields of. */
import { computed, effect, signal } from "@preact/signals";
import { InvalidOptionError, parseRecipeText, parseRunRecipe } from "../../workers/client.ts";
import type { RunRecipe } from "../../workers/client.ts";
import { openFiles, recordsSpec } from "../state/open-records.ts";
import { toyName } from "../state/session.ts";
import { choices } from "./choices.ts";
import type { Choice } from "./choices.ts";
import { taskExamples } from "./image-set.ts";
import { ownImages } from "./own-images.ts";

type Json = Record<string, unknown>;

/** A value of the recipe, by the part it is in. `training` is `grpo` or `sft`, whichever the recipe has. */
export type Path = readonly [part: "training" | "evaluation", key: string];

class RecipeDraft {
  readonly choiceId = signal(choices[0].id);
  readonly choice = computed(
    (): Choice => choices.find(({ id }) => id === this.choiceId.value) ?? choices[0],
  );
  /** As it stands in the text field; the user's own images and records are left out of it. */
  readonly text = signal("");
  /** What the text says; null while it is no JSON. */
  readonly json = computed((): Json | null => {
    try {
      const json: unknown = JSON.parse(this.text.value);
      return isRecord(json) ? json : null;
    } catch {
      return null;
    }
  });
  /** With every default filled in, for what is shown beside it; null while it is not valid. */
  readonly valid = computed((): RunRecipe | null => {
    try {
      return parseRunRecipe(this.json.value);
    } catch {
      return null;
    }
  });
  readonly isSft = computed(() => isRecord(this.json.value?.sft));

  constructor() {
    effect(() => {
      this.text.value = write(this.choice.value.recipe);
    });
  }

  /** A number of the recipe, its default where the text leaves it out; NaN where there is none. */
  number(path: Path): number {
    const [part, key] = this.#at(path);
    const value = section(this.json.value, part)[key] ?? section(this.valid.value, part)[key];
    return typeof value === "number" ? value : NaN;
  }

  /** Writes a number into the text. NaN, an emptied field, is written as null, which no option takes. */
  set(path: Path, value: number): void {
    const json = this.json.value;
    if (!json) return;
    const [part, key] = this.#at(path);
    this.text.value = write({ ...json, [part]: { ...section(json, part), [key]: value } });
  }

  /**
   * The recipe for a model, the user's own images or records included.
   * @throws InvalidOptionError naming the value that is out of range, the key that is unknown, that it is not JSON, or
   *   what the images still lack, or that no records are open.
   */
  read(model: string): RunRecipe {
    const json = this.json.value;
    if (!json) return parseRecipeText(this.text.value, "of the form");
    const { from } = this.choice.value;
    if (from === "recipe") return parseRunRecipe({ ...json, model });
    if (from === "records") return parseRunRecipe({ ...json, model, task: recordsTask(json, model) });
    const missing = ownImages.missing.value;
    if (missing)
      throw new InvalidOptionError("your own images", missing, "a question and an answer in every row");
    const rows = ownImages.rows.value;
    const task = { ...section(json, "task"), examples: taskExamples(rows) };
    // One example is trained on: none is left to be measured with.
    const evaluation = rows.length < 2 ? { evaluation: { ...section(json, "evaluation"), scenes: 0 } } : {};
    return parseRunRecipe({ ...json, ...evaluation, model, task });
  }

  /** A value of the task's reward; undefined where the text has none. */
  reward(path: readonly string[]): unknown {
    return path.reduce<unknown>(
      (value, key) => (isRecord(value) ? value[key] : undefined),
      section(section(this.json.value, "task"), "reward"),
    );
  }

  /** Writes a value of the task's reward into the text; undefined takes it out. */
  setReward(path: readonly string[], value: unknown): void {
    const json = this.json.value;
    if (json) this.text.value = write(replaced(json, ["task", "reward", ...path], value));
  }

  #at([part, key]: Path): [part: string, key: string] {
    if (part !== "training") return [part, key];
    return [this.isSft.value ? "sft" : "grpo", key];
  }
}

/** The records that are open, asked about as the policy was taught: the toy policy knows no system prompt. */
function recordsTask(json: Json, model: string): Json {
  const open = openFiles.value;
  if (!open)
    throw new InvalidOptionError(
      "records",
      "none",
      "a data set that is open in the tab Data: open one there",
    );
  return { ...(model === toyName && { system: null }), ...section(json, "task"), ...recordsSpec(open) };
}

function replaced(json: Json, [key, ...inner]: readonly string[], value: unknown): Json {
  return { ...json, [key]: inner.length === 0 ? value : replaced(section(json, key), inner, value) };
}

function write(json: unknown): string {
  return JSON.stringify(json, null, 2);
}

function section(json: object | null, part: string): Json {
  const value: unknown = json && part in json ? (json as Json)[part] : undefined;
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const draft = new RecipeDraft();
