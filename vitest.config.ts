import { resolve } from "node:path";
import { defineConfig } from "vitest/config";
import { DEBIAN_DRIVERS, findDriver } from "./scripts/system.mjs";

/** Tests that need no GPU. Every other test runs once on each adapter. */
const withoutGpu = [
  "tests/*.test.ts",
  "tests/cli/{data,score,handoff,synth,synth-store,reward-services}.test.ts",
  "tests/docs/*.test.ts",
  "tests/workers/{data,evaluation,judge-service,judging,page-judge,pending,record-rewards,stream}.test.ts",
  "tests/evaluation/{benchmarks,runs}/**/*.test.ts",
  "tests/{scripts,util,reference,rl,data,storage,tasks,demo,handoff,synthesis,language-models}/**/*.test.ts",
];

/**
 * On the fastest lane alone: what the shipped policy learns, hundreds of rollouts; and the runs of command line, client
 * and guide, dozens of devices that each compile anew (tests/train and tests/workers/engine hold runs to the same bits on
 * every lane).
 */
const longRuns = [
  "tests/toy/**/*.test.ts",
  "tests/train/{memory,grpo-variants}.test.ts",
  "tests/cli/{train,sft,replay,eval}.test.ts",
  "tests/workers/{client,judged-run}.test.ts",
  "tests/docs/examples/*.test.ts",
];

/** A lane: the tests that need a GPU, on the driver that the manifest names, or on the default adapter. */
function lane(name: string, manifest: string | undefined, without: readonly string[] = []) {
  return {
    extends: true as const,
    test: {
      name,
      include: ["tests/**/*.test.ts"],
      exclude: [...withoutGpu, ...without],
      setupFiles: ["tests/support/lane.ts"],
      env: { THINKTAB_LANE: name, ...(manifest !== undefined && { VK_DRIVER_FILES: manifest }) },
    },
  };
}

/**
 * Two software adapters with different features on Linux: lavapipe (f16, subgroups of 8) and SwiftShader (no f16,
 * subgroups of 4). A machine with a GPU of its own may lack lavapipe; then its own adapter takes the place. Where a
 * driver is missing its lane is kept, and fails.
 */
function lanes() {
  if (process.platform !== "linux") return [lane("gpu", undefined)];
  const lavapipe = findDriver("lavapipe");
  return [
    lavapipe ? lane("lavapipe", lavapipe) : lane("gpu", undefined),
    lane("swiftshader", findDriver("swiftshader") ?? DEBIAN_DRIVERS.swiftshader, longRuns),
  ];
}

/** The package by its name, as the guide's examples import it: its sources. */
const entries = {
  thinktab: "workers/client.ts",
  "thinktab/engine": "src/engine.ts",
  "thinktab/rl": "src/rl/index.ts",
  "thinktab/node": "src/node.ts",
};

export default defineConfig({
  resolve: {
    alias: Object.entries(entries).map(([name, path]) => ({
      find: new RegExp(`^${name}$`),
      replacement: resolve(import.meta.dirname, path),
    })),
  },
  test: {
    // One process per file: Vulkan's driver is chosen by the environment, before Dawn loads.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 240_000,
    hookTimeout: 60_000,
    projects: [{ extends: true, test: { name: "cpu", include: withoutGpu } }, ...lanes()],
  },
});
