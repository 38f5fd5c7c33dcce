/** The data worker's side. What is heavy, or for one page alone, is fetched when it is asked for. */
import type { ProxyMarked } from "comlink";
import type { HybridExample, HybridResult, HybridReward } from "../../src/rl/hybrid-reward.ts";
import { remotely } from "../stream.ts";
import type { Streams } from "../stream.ts";
import type { DataApi, DatasetApi, WireDataset } from "./protocol.ts";

/** See {@link DataApi}. */
export class DataService implements DataApi {
  readonly #streams: Streams = new Set();
  #reward: Promise<HybridReward> | undefined;

  ready(): true {
    return true;
  }

  async open(dataset: WireDataset, signal: AbortSignal | undefined): Promise<DatasetApi & ProxyMarked> {
    const { openDataset } = await import("./dataset.ts");
    return remotely(await openDataset(dataset, this.#streams, signal));
  }

  async explain(response: string, example: HybridExample): Promise<HybridResult> {
    this.#reward ??= openReward();
    return (await this.#reward)({ text: response, tokens: [], finishReason: "stop" }, example);
  }
}

async function openReward(): Promise<HybridReward> {
  const [{ hybridReward }, { loadMathEngine }] = await Promise.all([
    import("../../src/rl/hybrid-reward.ts"),
    import("../../src/rl/verifiers/math-engine.ts"),
  ]);
  return hybridReward({ math: loadMathEngine });
}
