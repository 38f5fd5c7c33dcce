/** The data worker's side. What is heavy, or for one page alone, is fetched when it is asked for. */
import type { ProxyMarked } from "comlink";
import type { RewardExplanation } from "../../src/rl/explain-reward.ts";
import type { HybridExample } from "../../src/rl/hybrid-reward.ts";
import type { SynthesisEvent } from "../../src/synthesis/events.ts";
import type { ImageOutcome } from "../../src/synthesis/store.ts";
import type { StreamApi } from "../protocol.ts";
import { eitherSignal, remotely, serve } from "../stream.ts";
import type { Streams } from "../stream.ts";
import type { DataApi, DatasetApi, MadeUpDataset, ReadLog, WireDataset } from "./protocol.ts";
import type { EvaluationsApi } from "./evaluation-protocol.ts";
import type { SynthesisHost, SynthesisRequest, ToyImages } from "./synthesis-protocol.ts";

/** See {@link DataApi}. */
export class DataService implements DataApi {
  readonly #streams: Streams = new Set();

  ready(): true {
    return true;
  }

  async open(dataset: WireDataset, signal: AbortSignal | undefined): Promise<DatasetApi & ProxyMarked> {
    const { openDataset } = await import("./dataset.ts");
    return remotely(await openDataset(dataset, this.#streams, signal));
  }

  synthesize(
    request: SynthesisRequest,
    host: SynthesisHost & ProxyMarked,
    signal: AbortSignal | undefined,
  ): StreamApi<SynthesisEvent> & ProxyMarked {
    return serve(this.#streams, async function* (cancelled) {
      const { runSynthesis } = await import("./synthesis.ts");
      yield* runSynthesis(request, host, eitherSignal(signal, cancelled));
    });
  }

  keptOutcomes(name: string): StreamApi<ImageOutcome> & ProxyMarked {
    return serve(this.#streams, async function* () {
      yield* (await import("./synthesis.ts")).keptOutcomes(name);
    });
  }

  async clearSynthesis(name: string): Promise<void> {
    await (await import("./synthesis.ts")).clearSynthesis(name);
  }

  async toyImages(images: ToyImages): Promise<ReadonlyMap<string, Blob>> {
    return (await import("./synthesis.ts")).toyImages(images);
  }

  async evaluations(): Promise<EvaluationsApi & ProxyMarked> {
    const { Evaluations } = await import("./evaluation.ts");
    return remotely(new Evaluations(this.#streams));
  }

  async readLog(file: Blob): Promise<ReadLog> {
    return (await import("./handoff.ts")).readLog(file);
  }

  async makeUp(count: number, seed: number): Promise<MadeUpDataset> {
    return (await import("./made-up.ts")).makeUp(count, seed);
  }

  async explain(response: string, example: HybridExample): Promise<RewardExplanation> {
    const [{ explainReward }, { loadMathEngine }] = await Promise.all([
      import("../../src/rl/explain-reward.ts"),
      import("../../src/rl/verifiers/math-engine.ts"),
    ]);
    return explainReward(response, example, { math: loadMathEngine });
  }
}
