/** Which step's groups are shown, which of them, and by what their tokens are shaded. */
import { computed, effect, signal } from "@preact/signals";
import type { GroupRecord, TaskExample } from "../../workers/client.ts";
import { withOpenFiles } from "../state/open-records.ts";
import { run } from "../state/run.ts";
import { session } from "../state/session.ts";
import { settings } from "../state/settings.ts";
import type { Filter } from "./groups.ts";
import type { Shade } from "./shades.ts";

/** Examples in memory: a long run that is followed has thousands of pictures. */
const examplesKept = 128;

interface ShownStep {
  /** From 0. */
  step: number;
  groups: readonly GroupRecord[];
}

class RolloutsState {
  /** From 0; null follows the newest step. */
  readonly chosen = signal<number | null>(null);
  readonly filter = signal<Filter>("all");
  readonly shade = signal<Shade>("advantage");
  readonly problem = signal<unknown>(null);
  readonly #read = signal<ShownStep | null>(null);
  readonly #wanted = computed(() => this.chosen.value ?? run.stepsWithGroups.value - 1);
  /** The step that is shown; while another one is read from the run's folder, still the one before. */
  readonly shown = computed((): ShownStep | null => {
    if (run.stepsWithGroups.value === 0) return null;
    const groups = run.groups.value.get(this.#wanted.value);
    return groups ? { step: this.#wanted.value, groups } : this.#read.value;
  });
  /** Whether the policy in use is the one that wrote the rollouts: another one's tokens may be other texts. */
  readonly ofThisPolicy = computed(() => run.recipe.value?.model === session.model.value);
  /** By seed; those asked for last. */
  readonly #examples = new Map<number, Promise<TaskExample>>();

  constructor() {
    effect(() => {
      if (run.stepsWithGroups.value > 0) return; // else another run begins: nothing is kept of the one before
      this.chosen.value = null;
      this.#read.value = null;
      this.#examples.clear();
    });
    effect(() => {
      if (settings.tab.value !== "rollouts" || run.stepsWithGroups.value === 0) return;
      const step = this.#wanted.value;
      const read = this.#read.peek();
      if (read?.step === step && read.groups.length > 0) return; // an older one stays as it is
      if (!run.groups.value.has(step)) void this.#readStep(step);
    });
  }

  /** The example of a group, with its picture. */
  example(seed: number): Promise<TaskExample> {
    const { task } = run.recipe.peek() ?? {};
    const kit = session.kit.peek();
    if (!task || !kit) return Promise.reject(new Error("the engine is not there"));
    const known = this.#examples.get(seed);
    if (known) return known;
    const example = kit.example(withOpenFiles(task), seed);
    this.#examples.set(seed, example);
    example.catch(() => this.#examples.delete(seed)); // asked for again, it may be there
    if (this.#examples.size > examplesKept) {
      const [oldest] = this.#examples.keys();
      this.#examples.delete(oldest);
    }
    return example;
  }

  async #readStep(step: number): Promise<void> {
    try {
      const groups = await run.groupsOf(step);
      if (this.#wanted.peek() !== step) return; // another one is wanted meanwhile
      this.#read.value = { step, groups };
      this.problem.value = null;
    } catch (error) {
      if (this.#wanted.peek() === step) this.problem.value = error;
    }
  }
}

export const rollouts = new RolloutsState();
