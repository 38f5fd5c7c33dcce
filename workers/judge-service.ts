import type { AnswerPair, PairScorer } from "../src/language-models/language-model.ts";
import { onnxPairScorer } from "../src/language-models/onnx.ts";
import type { OnnxConfig, OnnxHost } from "../src/language-models/onnx.ts";
import { LanguageModelError } from "../src/util/errors.ts";

/** A scorer of pairs on the far side. */
export interface JudgeWorkerApi {
  /** @throws as onnxPairScorer does */
  open(config: OnnxConfig, runtime: string | undefined): Promise<{ name: string; identity: string | null }>;
  score(pair: AnswerPair, signal: AbortSignal | undefined): Promise<number>;
}

/** The judge worker's side: one ONNX model. */
export class JudgeService implements JudgeWorkerApi {
  #scorer: PairScorer | undefined;

  constructor(private readonly host: OnnxHost = {}) {}

  async open(
    config: OnnxConfig,
    runtime: string | undefined,
  ): Promise<{ name: string; identity: string | null }> {
    this.#scorer = await onnxPairScorer(config, { runtime, ...this.host });
    const { name, identity = name } = this.#scorer;
    return { name, identity };
  }

  async score(pair: AnswerPair, signal: AbortSignal | undefined): Promise<number> {
    if (!this.#scorer) throw new LanguageModelError("judge worker: no model is open");
    return this.#scorer.score(pair, { signal });
  }
}
