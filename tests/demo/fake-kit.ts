/** An engine without a GPU for the page's stores: it loads policies at once, runs what it is told, and can be lost. */
import { DeviceLostError, Generation } from "../../workers/client.ts";
import type {
  EngineRunEvent,
  LoadPolicyOptions,
  PolicySource,
  RemotePolicy,
  SavedRun,
  TextDelta,
  Thinktab,
  TrainingRun,
} from "../../workers/client.ts";

export interface FakePolicy extends RemotePolicy {
  source: PolicySource | string;
  options: LoadPolicyOptions;
  disposed: boolean;
  imported: ReadonlyMap<string, Uint8Array> | null;
}

/** What a fake run does: its events, each of them possibly late, or an error. */
export type Script = (told: { resume: boolean; name: string }) => AsyncGenerator<EngineRunEvent, void, void>;

/** Engines that are made one after the other; what is saved is common to all of them. */
export class FakeEngines {
  readonly kits: Thinktab[] = [];
  readonly policies: FakePolicy[] = [];
  /** How the next policy fails to load. */
  failLoad: Error | null = null;
  /** The next policy is still being loaded when its engine is lost. */
  loseLoading = false;
  /** What policies answer. */
  deltas: readonly TextDelta[] = [];
  /** How the next engine fails to start. */
  failStart: Error | null = null;
  frozenBytes = 1e6;
  script: Script = async function* () {};
  saved: SavedRun | null = null;
  readonly files = new Map<string, Uint8Array>();
  /** What runs were told. */
  readonly told: string[] = [];
  #lose: (() => void) | undefined;

  readonly create = (): Promise<Thinktab> => {
    if (this.failStart) {
      const error = this.failStart;
      this.failStart = null;
      return Promise.reject(error);
    }
    const kit: Partial<Thinktab> = {
      device: { vendor: "fake" } as Partial<Thinktab["device"]> as Thinktab["device"],
      lost: new Promise((resolve) => {
        this.#lose = () => resolve(new DeviceLostError("the fake GPU was lost"));
      }),
      loadPolicy: (source, options = {}) => this.#load(source, options),
      savedRun: () => Promise.resolve(this.saved),
      runFile: (_run, name) => Promise.resolve(this.files.get(name) ?? null),
      discardRun: () => {
        this.saved = null;
        return Promise.resolve();
      },
      dispose: () => Promise.resolve(),
    };
    this.kits.push(kit as Thinktab);
    return Promise.resolve(kit as Thinktab);
  };

  /** Takes the GPU of the newest engine away. */
  lose(): void {
    this.#lose?.();
  }

  #load(source: PolicySource | string, options: LoadPolicyOptions): Promise<RemotePolicy> {
    if (this.failLoad) {
      const error = this.failLoad;
      this.failLoad = null;
      return Promise.reject(error);
    }
    if (this.loseLoading) {
      this.loseLoading = false;
      return Promise.resolve().then(() => {
        this.lose();
        throw new DeviceLostError("the fake GPU was lost");
      });
    }
    const name = typeof source === "object" && source.kind === "files" ? (source.name ?? "files") : "toy";
    const policy: Partial<FakePolicy> = {
      source,
      options,
      disposed: false,
      imported: null,
      info: {
        name,
        architecture: "fake",
        vision: true,
        contextTokens: 64,
        frozenBytes: this.frozenBytes,
        trainedBytes: 1,
        trainable: "lora",
      },
      dispose: () => {
        policy.disposed = true;
        return Promise.resolve();
      },
      importAdapter: (files) => {
        policy.imported = files;
        return Promise.resolve();
      },
      generate: () => new Generation(this.#answer(), 1),
      tokenTexts: (responses) => Promise.resolve(responses.map((tokens) => tokens.map(String))),
      train: (_recipe, { name: run = "run", resume = false } = {}) => this.#train(run, resume),
      plan: () => Promise.resolve({ steps: 1, budget: [["all", 5]], stepMs: 2, expectedMs: 2 }),
    };
    options.onProgress?.(1, 2);
    this.policies.push(policy as FakePolicy);
    return Promise.resolve(policy as FakePolicy);
  }

  async *#answer(): AsyncGenerator<TextDelta, void, void> {
    for (const delta of this.deltas) yield await Promise.resolve(delta);
  }

  #train(name: string, resume: boolean): TrainingRun {
    this.told.push(`train ${name}${resume ? " resume" : ""}`);
    const events = this.script({ name, resume });
    const tell = (what: string) => {
      this.told.push(what);
      return Promise.resolve();
    };
    const run: Partial<TrainingRun> = {
      [Symbol.asyncIterator]: () => events,
      pause: () => tell("pause"),
      resume: () => tell("resume"),
      stop: () => tell("stop"),
      checkpoint: () => tell("checkpoint").then(() => "checkpoint-00000001"),
    };
    return run as TrainingRun;
  }
}
