import type { ModelAnswer, ModelCounters } from "./language-model.ts";

/** Latencies that the 95th percentile is taken of. */
const keptLatencies = 1024;

/** Prices in the user's currency per million tokens. */
export interface TokenPrices {
  input: number;
  output: number;
}

/** Mean and 95th percentile of durations. */
export class LatencyMeter {
  #count = 0;
  #sum = 0;
  readonly #last: number[] = [];

  add(milliseconds: number): void {
    this.#last[this.#count % keptLatencies] = milliseconds;
    this.#count++;
    this.#sum += milliseconds;
  }

  /** Null before the first. */
  read(): { mean: number; p95: number } | null {
    if (this.#count === 0) return null;
    const sorted = [...this.#last].sort((a, b) => a - b);
    return { mean: this.#sum / this.#count, p95: sorted[Math.ceil(0.95 * sorted.length) - 1] };
  }
}

/** Counts what becomes of a model's questions. */
export class ModelMeter {
  readonly #counts = { asked: 0, answered: 0, retried: 0, failed: 0, aborted: 0 };
  readonly #tokens = { promptTokens: 0, completionTokens: 0, withoutUsage: 0 };
  readonly #latency = new LatencyMeter();
  #cost: number | null;

  constructor(private readonly prices?: TokenPrices) {
    this.#cost = prices ? 0 : null;
  }

  /** Counts a question and what becomes of it; an answer comes back with its cost. */
  async question(signal: AbortSignal | undefined, work: () => Promise<ModelAnswer>): Promise<ModelAnswer> {
    this.#counts.asked++;
    let answer: ModelAnswer;
    try {
      signal?.throwIfAborted();
      answer = await work();
    } catch (error) {
      this.#counts[signal?.aborted ? "aborted" : "failed"]++;
      throw error;
    }
    this.#counts.answered++;
    return this.#priced(answer);
  }

  /** Of a request that was answered. */
  latency(milliseconds: number): void {
    this.#latency.add(milliseconds);
  }

  retry(): void {
    this.#counts.retried++;
  }

  read(): ModelCounters {
    return { ...this.#counts, ...this.#tokens, latencyMs: this.#latency.read(), cost: this.#cost };
  }

  #priced(answer: ModelAnswer): ModelAnswer {
    const { promptTokens, completionTokens } = answer;
    this.#tokens.promptTokens += promptTokens ?? 0;
    this.#tokens.completionTokens += completionTokens ?? 0;
    if (promptTokens === undefined || completionTokens === undefined) {
      this.#tokens.withoutUsage++;
      return answer;
    }
    if (!this.prices) return answer;
    const cost = (promptTokens * this.prices.input + completionTokens * this.prices.output) / 1e6;
    this.#cost = (this.#cost ?? 0) + cost;
    return { ...answer, cost };
  }
}
