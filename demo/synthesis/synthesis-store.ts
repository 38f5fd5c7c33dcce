/** The synthesis of the page: its images, how far it is, and what has come of it. */
import { batch, computed, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import type { DatasetFiles, RemotePolicy, SynthesisRequest, ToyImages } from "../../workers/client.ts";
import type { SynthesisCounters } from "../../src/synthesis/counters.ts";
import type { SynthesisEvent } from "../../src/synthesis/events.ts";
import type { KeptQuestion, PendingItem, SynthesisDrop } from "../../src/synthesis/store.ts";
import { dataWorker } from "../state/data-worker.ts";
import { session } from "../state/session.ts";
import { synthesisModels } from "./models.ts";

/** In this browser's storage; one at a time. */
const name = "page";

/** What is going on in an image, for the live line. */
export interface Activity {
  path: string;
  stage: string;
  question: number | null;
}

class SynthesisStore {
  readonly images: Signal<ReadonlyMap<string, Blob>> = signal(new Map());
  /** Set when the images are the toy world's. */
  readonly toy: Signal<ToyImages | null> = signal(null);
  readonly readsScenes = signal(true);
  readonly questions = signal(3);
  readonly turns = signal(1);
  readonly concurrency = signal(2);
  readonly filters = signal(false);
  readonly samples = signal(4);

  readonly #state = signal<"idle" | "running" | "stopping">("idle");
  readonly #counters = signal<SynthesisCounters | null>(null);
  readonly #complete = signal(false);
  readonly #kept = signal<readonly KeptQuestion[]>([]);
  readonly #drops = signal<readonly SynthesisDrop[]>([]);
  readonly #pending = signal<readonly PendingItem[]>([]);
  readonly #activity = signal<Activity | null>(null);
  readonly problem: Signal<unknown> = signal(null);
  readonly state: ReadonlySignal<"idle" | "running" | "stopping"> = this.#state;
  readonly counters: ReadonlySignal<SynthesisCounters | null> = this.#counters;
  /** Nothing is left to ask. */
  readonly complete: ReadonlySignal<boolean> = this.#complete;
  readonly kept: ReadonlySignal<readonly KeptQuestion[]> = this.#kept;
  readonly drops: ReadonlySignal<readonly SynthesisDrop[]> = this.#drops;
  readonly pending: ReadonlySignal<readonly PendingItem[]> = this.#pending;
  readonly activity: ReadonlySignal<Activity | null> = this.#activity;
  /** Whether models are asked, and not the toy world's scenes. */
  readonly asksModels: ReadonlySignal<boolean> = computed(
    () => this.toy.value === null || !this.readsScenes.value,
  );
  /** Nothing was kept, dropped or put off. */
  readonly isEmpty: ReadonlySignal<boolean> = computed(
    () => this.#kept.value.length + this.#drops.value.length + this.#pending.value.length === 0,
  );
  /** What is missing before it can start; "" when nothing is. */
  readonly missing: ReadonlySignal<string> = computed(() => {
    if (this.images.value.size === 0) return "Choose images first.";
    return this.asksModels.value ? synthesisModels.missing.value : "";
  });

  #controller: AbortController | undefined;

  /** What an earlier visit left. */
  async recall(): Promise<void> {
    try {
      const worker = await dataWorker();
      for await (const { kept, drops, pending } of worker.keptOutcomes(name)) {
        if (this.#state.peek() !== "idle") return; // a run has begun, and tells all of it again
        this.#add(kept, drops, pending);
      }
    } catch {
      // Where the browser keeps nothing there is nothing to recall; a run says so when it is started.
    }
  }

  async chooseToy(count = 20): Promise<void> {
    const toy = { count, seed: 1 };
    try {
      const images = await (await dataWorker()).toyImages(toy);
      batch(() => {
        this.toy.value = toy;
        this.images.value = images;
      });
    } catch (error) {
      this.problem.value = error;
    }
  }

  /** Ignored while a run goes on. */
  addFiles(files: readonly File[]): void {
    if (this.#state.peek() !== "idle") return;
    const images = files.filter(
      ({ type, name: file }) => type.startsWith("image/") || /\.(png|jpe?g|webp)$/i.test(file),
    );
    if (images.length === 0) return;
    const before = this.toy.peek() ? [] : [...this.images.peek()];
    const added = images.map((file): [string, Blob] => [withoutFolder(file), file]);
    batch(() => {
      this.toy.value = null;
      this.images.value = new Map([...before, ...added]);
    });
  }

  clearImages(): void {
    batch(() => {
      this.toy.value = null;
      this.images.value = new Map();
    });
  }

  /** Starts, or goes on with what was begun: nothing is asked twice. */
  async start(): Promise<void> {
    if (this.#state.peek() !== "idle") return;
    const controller = new AbortController();
    this.#controller = controller;
    batch(() => {
      this.problem.value = null;
      this.#state.value = "running";
      this.#complete.value = false;
      this.#kept.value = [];
      this.#drops.value = [];
      this.#pending.value = [];
    });
    const { signal } = controller;
    let release: (() => void) | undefined;
    let failed = false;
    try {
      // All that it says is of the same weights.
      if (this.#asksPolicy()) release = session.hold("synthesis");
      const worker = await dataWorker();
      const policy = release ? (await session.ready({ signal })).policy : null;
      const options = { keys: synthesisModels.keys(), ...(policy && { policy }), signal };
      for await (const event of worker.synthesize(this.#request(policy), options)) this.#follow(event);
    } catch (error) {
      failed = true;
      this.problem.value = error;
    } finally {
      release?.();
      batch(() => {
        this.#state.value = "idle";
        this.#activity.value = null;
      });
    }
    // What was kept is told by a run; one that did not get that far told nothing.
    if (failed && this.isEmpty.peek()) await this.recall();
  }

  /** What is being asked is still waited for, so that it need not be asked again. */
  stop(): void {
    if (this.#state.peek() !== "running") return;
    this.#state.value = "stopping";
    this.#controller?.abort(new DOMException("stopped by the user", "AbortError"));
  }

  /** Forgets the records, and everything that models have answered. */
  async forget(): Promise<void> {
    if (this.#state.peek() !== "idle") return;
    try {
      await (await dataWorker()).clearSynthesis(name);
      batch(() => {
        this.#kept.value = [];
        this.#drops.value = [];
        this.#pending.value = [];
        this.#counters.value = null;
        this.#complete.value = false;
      });
    } catch (error) {
      this.problem.value = error;
    }
  }

  /** The records with their images, as the tab Data opens them. */
  dataset(): DatasetFiles {
    const paths = new Set(this.#kept.peek().map(({ record }) => record.image_path));
    const images = new Map([...this.images.peek()].filter(([path]) => paths.has(path)));
    return {
      data: new Map([["synthesised.jsonl", new Blob([this.lines()])]]),
      ...(images.size > 0 && { images }),
    };
  }

  /** The records, a line of JSON each. */
  lines(): string {
    return this.#kept
      .peek()
      .map(({ record }) => `${JSON.stringify(record)}\n`)
      .join("");
  }

  /** How each record came about, a line of JSON each. */
  provenance(): string {
    return this.#kept
      .peek()
      .map(({ record, provenance }) => `${JSON.stringify({ problem: record.problem, ...provenance })}\n`)
      .join("");
  }

  #asksPolicy(): boolean {
    const plays = synthesisModels.drafts.peek().some(({ kind }) => kind === "policy");
    return this.filters.peek() || (this.asksModels.peek() && plays);
  }

  #request(policy: RemotePolicy | null): SynthesisRequest {
    const toy = this.toy.peek();
    return {
      name,
      images: toy && !this.asksModels.peek() ? toy : this.images.peek(),
      models: this.asksModels.peek() ? synthesisModels.configs() : "toy",
      questions: this.questions.peek(),
      turns: this.turns.peek(),
      concurrency: this.concurrency.peek(),
      ...(policy && { policy: { weights: policyWeights(), maxTokens: policy.info.contextTokens >> 1 } }),
      ...(this.filters.peek() && {
        passRate: {
          policy: policyWeights(),
          samples: this.samples.peek(),
          maxNewTokens: 128,
        },
      }),
    };
  }

  #follow(event: SynthesisEvent): void {
    switch (event.type) {
      case "started":
        break;
      case "stage":
        this.#activity.value = { path: event.path, stage: event.stage, question: event.question };
        break;
      case "kept":
        this.#add([event.kept], [], []);
        break;
      case "dropped":
        this.#add([], [event.drop], []);
        break;
      case "pending":
        this.#add([], [], [event.pending]);
        break;
      case "counters":
      case "image":
        this.#counters.value = event.counters;
        break;
      case "finished":
        batch(() => {
          this.#counters.value = event.counters;
          this.#complete.value = event.complete;
        });
    }
  }

  #add(
    kept: readonly KeptQuestion[],
    drops: readonly SynthesisDrop[],
    pending: readonly PendingItem[],
  ): void {
    batch(() => {
      if (kept.length > 0) this.#kept.value = [...this.#kept.peek(), ...kept];
      if (drops.length > 0) this.#drops.value = [...this.#drops.peek(), ...drops];
      if (pending.length > 0) this.#pending.value = [...this.#pending.peek(), ...pending];
    });
  }
}

/** Records name an image from the folder that was picked. */
function withoutFolder({ webkitRelativePath, name: file }: File): string {
  return webkitRelativePath.split("/").slice(1).join("/") || file;
}

/** Tells the policy in this tab from others, and from itself before it was trained. */
function policyWeights(): string {
  return [`${session.title.peek()} (${session.trainedSteps.peek()} steps)`, session.weights.peek()]
    .filter(Boolean)
    .join(", weights ");
}

export const synthesis = new SynthesisStore();
