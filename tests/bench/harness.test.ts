import { describe, expect, it } from "vitest";
import {
  median,
  relativeDifference,
  runBenchmark,
  uniforms,
  type Benchmark,
  type Contender,
  type RunOptions,
} from "./harness.ts";
import { encodeOnnx } from "./peers/onnx-model.ts";

const options: RunOptions = {
  limits: { fmaGflops: 1, copyGBps: 1, fmaShape: "", copyShape: "" },
  peers: true,
  budgetMs: 0,
  rounds: { least: 3, most: 3 },
  progress: () => undefined,
};

/** Takes `ms` for every run and answers `result`; `log` sees who ran and who was disposed of. */
function contender(name: string, ms: number, result: number[], log: string[]): () => Promise<Contender> {
  return () =>
    Promise.resolve({
      run: () => {
        log.push(name);
        return new Promise((resolve) => setTimeout(resolve, ms));
      },
      read: () => Promise.resolve(Float32Array.from(result)),
      dispose: () => log.push(`dispose ${name}`),
    });
}

function benchmark(parts: Partial<Benchmark>): Benchmark {
  const ours = contender("ours", 1, [1, 2], []);
  return { name: "b", what: "w", flops: 1e6, bytes: 1, tolerance: 1e-3, ours, peers: {}, ...parts };
}

describe("runBenchmark", () => {
  it("times everybody in alternating rounds and scores against the best peer and the limit", async () => {
    const log: string[] = [];
    const result = await runBenchmark(
      benchmark({
        ours: contender("ours", 5, [1, 2], log),
        peers: {
          "jax-js": contender("jax", 40, [1, 2], log),
          "onnxruntime-web": contender("onnx", 20, [1, 2], log),
        },
      }),
      options,
    );
    // One run each to begin with, one more to warm up, then rounds in which another begins each time.
    expect(log.slice(0, 15).join(" ")).toBe(
      "ours jax onnx ours jax onnx ours jax onnx jax onnx ours onnx ours jax",
    );
    expect(result.errors).toEqual({});
    expect(result.timings.ours?.repetitions).toBe(3);
    expect(result.speedupOverBestPeer).toBeCloseTo(
      (result.peers["onnxruntime-web"] ?? 0) / (result.oursMs ?? 1),
    );
    expect(result.speedupOverBestPeer).toBeGreaterThan(1);
    // 10⁶ operations at 1 GFLOP/s take 1 ms.
    expect(result.fractionOfLimit).toBeCloseTo(1 / (result.oursMs ?? 1));
  });

  it("does not time a wrong result of ours", async () => {
    const peers = { "jax-js": contender("jax", 1, [1, 2.1], []) };
    const result = await runBenchmark(benchmark({ peers }), options);
    expect(result.errors.ours).toMatch(/differs from jax-js by 4\.8e-2/);
    expect(result.oursMs).toBeNull();
    expect(result.speedupOverBestPeer).toBeNull();
    expect(result.peers["jax-js"]).toBeGreaterThan(0);
  });

  it("holds everybody to the expected result, and drops a wrong peer but not in silence", async () => {
    const log: string[] = [];
    const peers = {
      "jax-js": contender("jax", 1, [1, 2.1], log),
      "onnxruntime-web": contender("onnx", 1, [1, 2], log),
    };
    const expected = () => Float64Array.of(1, 2);
    const result = await runBenchmark(benchmark({ peers, expected }), options);
    expect(result.errors).toEqual({ "jax-js": expect.stringMatching(/wrong result/) as string });
    expect(Object.keys(result.peers)).toEqual(["onnxruntime-web"]);
    expect(log.filter((entry) => entry === "dispose jax")).toHaveLength(1);
  });

  it("reports a peer that cannot start, with its error", async () => {
    const peers = { "jax-js": () => Promise.reject(new Error("no adapter")) };
    const result = await runBenchmark(
      benchmark({ peers, noPeer: { "onnxruntime-web": "does not train" } }),
      options,
    );
    expect(result.errors["jax-js"]).toBe("Error: no adapter");
    expect(result.noPeer).toEqual({ "onnxruntime-web": "does not train" });
    expect(result.oursMs).toBeGreaterThan(0);
  });

  it("counts a result that is not a number as wrong", async () => {
    const ours = contender("ours", 1, [1, NaN], []);
    const result = await runBenchmark(benchmark({ ours, expected: () => Float64Array.of(1, 2) }), options);
    expect(result.errors.ours).toMatch(/wrong result/);
  });
});

describe("measures", () => {
  it("takes the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it("compares by the largest magnitude", () => {
    expect(relativeDifference(Float32Array.of(1, 4.5), [1, 4])).toBe(0.125);
    expect(relativeDifference(Float32Array.of(1), [1, 4])).toBe(Infinity);
    expect(relativeDifference(Float32Array.of(0, 0), [0, 0])).toBe(0);
  });

  it("draws values of unit variance, the same for the same seed", () => {
    const values = uniforms(10_000, 1);
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    expect(variance).toBeCloseTo(1, 1);
    expect(uniforms(10, 1)).toEqual(values.slice(0, 10));
    expect(uniforms(10, 2)).not.toEqual(values.slice(0, 10));
  });
});

describe("encodeOnnx", () => {
  it("writes protobuf fields as onnx.proto3 numbers them", () => {
    const bytes = encodeOnnx({
      inputs: [{ name: "x", dims: [300] }],
      outputs: [],
      initializers: [{ name: "w", dims: [1], data: Float32Array.of(1) }],
      nodes: [{ op: "Op", inputs: ["x"], outputs: ["y"], attributes: { K: 5 } }],
    });
    const hex = Buffer.from(bytes).toString("hex");
    expect(hex.startsWith("0809")).toBe(true); // ir_version 9
    expect(hex).toContain("0a0178" + "120179" + "22024f70" + "2a08" + "0a014b" + "1805" + "a00102"); // the node
    expect(hex).toContain("0801" + "1001" + "420177" + "4a04" + "0000803f"); // the initializer
    expect(hex).toContain("0a0178" + "120b" + "0a09" + "0801" + "1205" + "0a03" + "08ac02"); // x: f32 [300]
  });
});
