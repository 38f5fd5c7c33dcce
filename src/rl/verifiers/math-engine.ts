import { mathEngineOf, type MathEngine, type MathJson } from "../math/math-json.ts";

export type { MathEngine, MathJson };

let engine: Promise<MathEngine> | undefined;

/**
 * The computer algebra package, loaded when it is first asked for (half a megabyte, a tenth of a second). This module is
 * for pages, servers and the command line: a worker that must stay one file takes the engine from outside. Rejects with
 * the import's error; the next call tries again.
 */
export function loadMathEngine(): Promise<MathEngine> {
  engine ??= import("@cortex-js/compute-engine")
    .then(({ ComputeEngine }) => mathEngineOf(new ComputeEngine()))
    .catch((error: unknown) => {
      engine = undefined; // the network may be back the next time
      throw error;
    });
  return engine;
}
