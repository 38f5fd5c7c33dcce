/** The data worker's side. What is heavy, or for one page alone, is fetched when it is asked for. */
import type { ProxyMarked } from "comlink";
import type { RewardExplanation } from "../../src/rl/explain-reward.ts";
import type { HybridExample } from "../../src/rl/hybrid-reward.ts";
import { remotely } from "../stream.ts";
import type { Streams } from "../stream.ts";
import type { DataApi, DatasetApi, MadeUpDataset, WireDataset } from "./protocol.ts";

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
