/** The self-test of kernels and the micro-benchmark, as far as they are. */
import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import type { BenchmarkResult, SelfTestResult, Thinktab } from "../../workers/client.ts";
import { isAbort } from "../components/problem.tsx";
import { session } from "../state/session.ts";

/** How a kernel came out. */
export type NumberedTest = SelfTestResult & { done: number; total: number };

/** Something that runs through a list and can be stopped. */
export class Check<Result extends { done: number; total: number }> {
  readonly results: Signal<readonly Result[]> = signal([]);
  readonly state: Signal<"idle" | "running" | "stopped" | "done"> = signal("idle");
  readonly problem: Signal<unknown> = signal(undefined);
  #controller: AbortController | undefined;

  constructor(
    private readonly begin: (kit: Thinktab, signal: AbortSignal) => AsyncIterable<Result>,
    /** Whether nobody else may use the GPU meanwhile. */
    private readonly alone: boolean,
  ) {}

  /** Begins anew. Never rejects: what goes wrong is in `problem`. */
  async run(kit: Thinktab): Promise<void> {
    if (this.state.value === "running") return;
    const controller = (this.#controller = new AbortController());
    this.results.value = [];
    this.problem.value = undefined;
    this.state.value = "running";
    let release: (() => void) | undefined;
    try {
      if (this.alone) release = session.hold("benchmark");
      for await (const result of this.begin(kit, controller.signal))
        this.results.value = [...this.results.value, result];
      this.state.value = "done";
    } catch (error) {
      this.state.value = "stopped";
      if (!isAbort(error)) this.problem.value = error;
    } finally {
      release?.();
    }
  }

  stop(): void {
    this.#controller?.abort();
  }
}

export const selfTest = new Check<NumberedTest>((kit, signal) => kit.selfTest({ signal }), false);
export const benchmark = new Check<BenchmarkResult>((kit, signal) => kit.benchmark({ signal }), true);

/** How many of them failed; a self-test of which something failed is what a bug report is about. */
export function countFailed(tests: readonly NumberedTest[]): number {
  return tests.filter(({ passed }) => !passed).length;
}
