/** The engine and the policy that the page uses, with what happens to them: loading, training, a lost GPU. */
import { batch, computed, effect, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import {
  createThinktab,
  DeviceLostError,
  InvalidOptionError,
  modelOptions,
  parseRunRecipe,
  shippedRecipes,
} from "../../workers/client.ts";
import type {
  DeviceInfo,
  LoadPolicyOptions,
  PolicySource,
  RemotePolicy,
  RunRecipe,
  Thinktab,
} from "../../workers/client.ts";

export type EngineState = "starting" | "loading" | "ready" | "restarting" | "unavailable";
/** Who has the policy for itself: nobody else may load or train meanwhile. */
export type Holder = "training" | "replay" | "benchmark" | "evaluation" | "synthesis";
/** The adapter of a trained policy, as `exportAdapter` gives it; null when it is not to be had any more. */
export type AdapterFiles = () => Promise<ReadonlyMap<string, Uint8Array> | null>;

/** The policy that the page ships, beside it: see vite.config.ts. */
export const toySource: PolicySource = { kind: "url", base: "./toy" };
/** How recipes and run records name the toy policy. */
export const toyName = "toy";
/** The adapter that a policy is loaded with before anybody has chosen a recipe. */
const defaultOptions = modelOptions(parseRunRecipe(shippedRecipes.toy));

/** Restarts within a window of time before the page gives up: a GPU that fails at once fails for ever. */
const restarts = { most: 3, windowMs: 120_000, waitMs: 500 };
/** Above this a policy is given up before it is loaded anew: two of them may not fit. */
const largeBytes = 200e6;

/** Layers loaded, of how many. */
export interface Progress {
  done: number;
  total: number;
}

/** What a policy was loaded from, and what became of it since. */
interface Origin {
  source: PolicySource;
  options: LoadPolicyOptions;
  /** Nothing has been trained since. */
  untouched: boolean;
  trained: AdapterFiles | null;
}

export class Session {
  readonly #state: Signal<EngineState> = signal("starting");
  readonly #kit = signal<Thinktab | null>(null);
  readonly #device = signal<DeviceInfo | null>(null);
  readonly #policy = signal<RemotePolicy | null>(null);
  readonly #source: Signal<PolicySource> = signal(toySource);
  readonly #name = signal("");
  readonly #trainedSteps = signal(0);
  readonly #imported = signal(false);
  readonly #weights = signal("");
  readonly #progress = signal<Progress | null>(null);
  readonly #problem = signal<unknown>(null);
  readonly #note = signal("");
  readonly #heldBy = signal<Holder | null>(null);
  #origin: Origin | null = null;
  #busy = false;
  /** When the GPU was lost, performance.now(). */
  #losses: number[] = [];

  readonly state: ReadonlySignal<EngineState> = this.#state;
  /** Null while it is started. */
  readonly kit: ReadonlySignal<Thinktab | null> = this.#kit;
  readonly device: ReadonlySignal<DeviceInfo | null> = this.#device;
  /** Null until it is loaded, and while the engine is started again. */
  readonly policy: ReadonlySignal<RemotePolicy | null> = this.#policy;
  readonly source: ReadonlySignal<PolicySource> = this.#source;
  readonly isToy: ReadonlySignal<boolean> = computed(() => this.#source.value === toySource);
  /** As recipes and run records name the policy. */
  readonly model: ReadonlySignal<string> = computed(() => (this.isToy.value ? toyName : this.#name.value));
  /** Steps that the policy in use has been trained for. */
  readonly trainedSteps: ReadonlySignal<number> = this.#trainedSteps;
  /** Which weights are in use, to tell those apart that are called alike: "" for those that the policy came with. */
  readonly weights: ReadonlySignal<string> = this.#weights;
  /** Whether an adapter was trained here or brought along: without it the policy answers differently. */
  readonly isAdapted: ReadonlySignal<boolean> = computed(
    () => this.#trainedSteps.value > 0 || this.#imported.value,
  );
  /** For people. */
  readonly title: ReadonlySignal<string> = computed(() => {
    const steps = this.#trainedSteps.value;
    const trained = steps > 0 ? `, trained for ${steps} ${steps === 1 ? "step" : "steps"}` : "";
    const brought = this.#imported.value ? " with an adapter of yours" : "";
    return `${this.isToy.value ? "Toy policy" : this.#name.value}${brought}${trained}`;
  });
  /** Of the loading that goes on. */
  readonly progress: ReadonlySignal<Progress | null> = this.#progress;
  /** Why loading or starting failed. */
  readonly problem: ReadonlySignal<unknown> = this.#problem;
  /** What the user should know of a restart. */
  readonly note: ReadonlySignal<string> = this.#note;
  readonly heldBy: ReadonlySignal<Holder | null> = this.#heldBy;

  /** @param create starts an engine. */
  constructor(private readonly create: () => Promise<Thinktab> = () => createThinktab()) {}

  /** Starts the engine and loads the policy that the page ships. Trouble is in {@link problem}. */
  start(): Promise<void> {
    return this.load(toySource);
  }

  /** Loads a policy in the place of the one in use, which stays when that fails. Trouble is in {@link problem}. */
  async load(source: PolicySource): Promise<void> {
    if (this.#busy) return;
    batch(() => {
      this.#problem.value = null;
      this.#note.value = "";
    });
    try {
      this.#assertFree();
      await this.#open(source, defaultOptions);
    } catch (error) {
      this.#problem.value = error;
    }
  }

  /** The {@link note} was read. */
  dismissNote(): void {
    this.#note.value = "";
  }

  /** The same policy as it was before any training. */
  startOver(): Promise<void> {
    return this.load(this.#source.peek());
  }

  /**
   * The policy as a recipe wants it: untrained, in its format and with its adapter. Loads it anew where that is needed.
   * @throws what loading throws; InvalidOptionError for a recipe of another policy.
   */
  async fresh(recipe: RunRecipe): Promise<RemotePolicy> {
    const { policy } = await this.ready();
    if (recipe.model !== this.model.peek()) {
      throw new InvalidOptionError(
        "recipe: model",
        recipe.model,
        `${this.model.peek()}, the policy in use; load the other one first`,
      );
    }
    const options = modelOptions(recipe);
    const origin = this.#origin;
    if (origin?.untouched && same(origin.options, options)) return policy;
    return this.#open(this.#source.peek(), options);
  }

  /**
   * Takes the policy for a run. Give it back in any case.
   * @throws InvalidOptionError while somebody else has it.
   */
  hold(by: Holder): () => void {
    this.#assertFree();
    this.#heldBy.value = by;
    return () => (this.#heldBy.value = null);
  }

  /**
   * Says that the weights are about to change, or have changed.
   * @param steps that the policy has been trained for.
   * @param files of its adapter, to be taken when the engine has to be started again; null when there are none.
   * @param weights names them, such as the hash of their file. By default they are like no others.
   */
  noteTrained(
    steps: number,
    files: AdapterFiles | null,
    weights = steps === 0 ? "" : crypto.randomUUID(),
  ): void {
    this.#noteWeights(steps, files, weights, false);
  }

  /** Says that the policy in use has been given an adapter from elsewhere. @param files of the adapter. */
  async noteImported(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const weights = await hashOf(files);
    this.#noteWeights(0, () => Promise.resolve(files), weights, true);
  }

  /**
   * Waits until a policy can be used.
   * @param after a policy that was lost: another one is waited for.
   * @throws the problem, when there will be none; AbortError.
   */
  ready({ after, signal: aborted }: { after?: RemotePolicy | null; signal?: AbortSignal } = {}): Promise<{
    kit: Thinktab;
    policy: RemotePolicy;
  }> {
    return new Promise((resolve, reject) => {
      aborted?.throwIfAborted();
      const end = () => queueMicrotask(() => stop()); // an effect may end itself only after its first run
      const stop = effect(() => {
        const [state, kit, policy] = [this.#state.value, this.#kit.value, this.#policy.value];
        if (state === "unavailable") {
          const problem = this.#problem.peek();
          reject(problem instanceof Error ? problem : new InvalidOptionError("engine", "none", "a policy"));
          end();
        } else if (state === "ready" && kit && policy && policy !== after) {
          resolve({ kit, policy });
          end();
        }
      });
      aborted?.addEventListener("abort", () => {
        reject(new DOMException("nobody waits any more", "AbortError"));
        stop();
      });
    });
  }

  #noteWeights(steps: number, trained: AdapterFiles | null, weights: string, imported: boolean): void {
    if (this.#origin) Object.assign(this.#origin, { untouched: false, trained });
    batch(() => {
      this.#trainedSteps.value = steps;
      this.#weights.value = weights;
      this.#imported.value = imported;
    });
  }

  /** @throws what starting and loading throw. The policy in use stays, unless it is too large to have two. */
  async #open(source: PolicySource, options: LoadPolicyOptions): Promise<RemotePolicy> {
    this.#busy = true;
    try {
      const kit = this.#kit.peek() ?? (await this.#start());
      this.#state.value = "loading";
      const before = this.#policy.peek();
      if (before && source === this.#source.peek() && before.info.frozenBytes > largeBytes) {
        this.#policy.value = null;
        await before.dispose();
      }
      const policy = await this.#load(kit, source, options);
      const old = this.#policy.peek();
      this.#origin = { source, options, untouched: true, trained: null };
      batch(() => {
        this.#policy.value = policy;
        this.#source.value = source;
        this.#name.value = policy.info.name;
        this.#trainedSteps.value = 0;
        this.#weights.value = "";
        this.#imported.value = false;
        this.#state.value = "ready";
      });
      await old?.dispose();
      return policy;
    } catch (error) {
      // A restart follows: nobody who waits is to be told that there will be no policy.
      if (error instanceof DeviceLostError && this.#kit.peek()) this.#state.value = "restarting";
      throw error;
    } finally {
      this.#busy = false;
      this.#progress.value = null;
      // When the GPU was lost meanwhile, the restart goes on with the state.
      if (this.#state.peek() !== "restarting")
        this.#state.value = this.#policy.peek() ? "ready" : "unavailable";
    }
  }

  #load(kit: Thinktab, source: PolicySource, options: LoadPolicyOptions): Promise<RemotePolicy> {
    return kit.loadPolicy(source, {
      ...options,
      onProgress: (done, total) => (this.#progress.value = { done, total }),
    });
  }

  async #start(): Promise<Thinktab> {
    const kit = await this.create();
    batch(() => {
      this.#kit.value = kit;
      this.#device.value = kit.device;
    });
    void kit.lost.then((error) => {
      if (this.#kit.peek() === kit) void this.#recover(kit, error);
    });
    return kit;
  }

  /** After a loss: the engine anew, the same policy, and its trained weights unless a run brings them itself. */
  async #recover(dead: Thinktab, lost: DeviceLostError): Promise<void> {
    batch(() => {
      this.#kit.value = null;
      this.#policy.value = null;
      this.#progress.value = null;
      this.#state.value = "restarting";
    });
    await dead.dispose().catch(() => undefined); // the worker ends whatever it says
    let reason: unknown = lost;
    for (;;) {
      const now = performance.now();
      this.#losses = [...this.#losses.filter((at) => now - at < restarts.windowMs), now];
      if (this.#losses.length > restarts.most) {
        this.#giveUp(reason);
        return;
      }
      // A driver that has just been reset may need a moment, the longer the more often it happens.
      await new Promise((done) => setTimeout(done, restarts.waitMs * this.#losses.length ** 2));
      let kit: Thinktab | null = null;
      try {
        kit = await this.#start();
        await this.#reload(kit);
        return;
      } catch (error) {
        reason = error;
        // Lost again: that is heard of where it is started, and maybe another restart goes on already.
        if (kit && (error instanceof DeviceLostError || this.#kit.peek() !== kit)) return;
        this.#kit.value = null;
        await kit?.dispose().catch(() => undefined);
      }
    }
  }

  async #reload(kit: Thinktab): Promise<void> {
    const origin = this.#origin;
    const { source, options } = origin ?? { source: toySource, options: defaultOptions };
    const untouched = origin?.untouched ?? true;
    const policy = await this.#load(kit, source, options);
    const resumed = this.#heldBy.peek() === "training"; // a replay has a policy of its own
    // Looked for by the new engine: where the old one kept runs in memory only, there is nothing any more.
    const files = resumed || untouched ? null : ((await origin?.trained?.()) ?? null);
    if (files) await policy.importAdapter(files);
    if (this.#kit.peek() !== kit) throw new DeviceLostError("lost again while the policy was loaded");
    const forgotten = !resumed && !untouched && files === null;
    this.#origin = {
      source,
      options,
      untouched: files === null,
      trained: files && (origin?.trained ?? null),
    };
    batch(() => {
      if (this.#problem.peek() instanceof DeviceLostError) this.#problem.value = null;
      if (forgotten) {
        this.#trainedSteps.value = 0;
        this.#weights.value = "";
        this.#imported.value = false;
      }
      this.#note.value = forgotten
        ? "The GPU was lost, and started again. What had been trained was not saved, and is gone."
        : "The GPU was lost, and started again. Everything is as it was.";
      this.#name.value = policy.info.name;
      this.#policy.value = policy;
      this.#progress.value = null;
      this.#state.value = "ready";
    });
  }

  #giveUp(reason: unknown): void {
    const message = reason instanceof Error ? reason.message : String(reason);
    const tries = `${restarts.most} restarts within ${restarts.windowMs / 60_000} minutes did not help`;
    batch(() => {
      this.#problem.value = new DeviceLostError(`${message} (${tries})`);
      this.#state.value = "unavailable";
    });
  }

  #assertFree(): void {
    const by = this.#heldBy.peek();
    if (by !== null)
      throw new InvalidOptionError("policy", `held by the ${by}`, "nobody using it: stop that first");
  }
}

function same(a: LoadPolicyOptions, b: LoadPolicyOptions): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** SHA-256 of an adapter's tensors, in hexadecimal digits. */
async function hashOf(files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const tensors = [...files].find(([name]) => name.endsWith(".safetensors"))?.[1] ?? new Uint8Array();
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(tensors));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The page's own. */
export const session = new Session();
