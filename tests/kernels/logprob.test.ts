import { describe, expect, it, test } from "vitest";
import type { Device } from "../../src/gpu/device.ts";
import { defineKernel } from "../../src/gpu/kernel.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import { elementCount } from "../../src/gpu/tensor.ts";
import {
  emitLogprob,
  emitLogprobBackward,
  ignoredTarget,
  logprobFinish,
  logprobUpdate,
} from "../../src/kernels/logprob.ts";
import { bannedMask } from "../../src/kernels/sampling.ts";
import { createWeight } from "../../src/kernels/quantize.ts";
import type { Weight } from "../../src/kernels/weight.ts";
import { logprobBackward, logprobForward } from "../../src/reference/logprob.ts";
import { InvalidOptionError, ShapeError } from "../../src/util/errors.ts";
import { halfToFloat } from "../../src/util/half.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { integers, normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

interface Case {
  T: number;
  C: number;
  V: number;
  format?: Weight["format"];
  temperature?: number;
  banned?: number[];
  withEntropy?: boolean;
  withHead?: boolean;
  chunkRows?: number;
  capacity?: number;
  scale?: number;
}

async function compare(device: Device, given: Case) {
  const {
    T,
    C,
    V,
    format = "f32",
    temperature = 1,
    banned = [],
    withEntropy = true,
    withHead = true,
    scale = 1,
  } = given;
  const x = normals(T * C, 1, scale / Math.sqrt(C));
  let head = normals(V * C, 2);
  const weight = await createWeight(device, "head", { format, N: V, K: C }, Float32Array.from(head));
  if (format !== "f32") head = await dequantized(device, weight);
  const allowed = Array.from({ length: V }, (_, v) => v).filter((v) => !banned.includes(v));
  const targets = integers(T, allowed.length, 3).map((i) => allowed[i]);
  if (T > 2) targets[1] = ignoredTarget;
  if (T > 3) [targets[0], targets[2]] = [allowed[0], allowed[allowed.length - 1]];
  const [dlogp, dentropy] = [normals(T, 4), normals(T, 5)];

  const rec = new Recorder(device, "logprob");
  const rows = rec.dim("T", given.capacity ?? T);
  const vector = (name: string) => rec.output(rec.tensor(name, [rows], "f32"));
  const inputs = {
    x: rec.input("x", [rows, C], "f32"),
    head: weight,
    targets: rec.input("targets", [rows], "u32"),
    temperature: rec.scalar("temperature"),
    banned: banned.length > 0 ? rec.input("banned", [Math.ceil(V / 32)], "u32") : undefined,
    chunkRows: given.chunkRows,
  };
  const [logp, entropy, lse] = [vector("logp"), vector("entropy"), vector("lse")];
  emitLogprob(rec, { ...inputs, logp, entropy, lse });
  const dx = rec.output(rec.tensor("dx", [rows, C], "f32"));
  const dhead = withHead
    ? device.tensor("dhead", [V, C], "f32", new Float32Array(V * C).fill(0.5))
    : undefined;
  const upstream = {
    dlogp: rec.input("dlogp", [rows], "f32"),
    ...(withEntropy && { dentropy: rec.input("dentropy", [rows], "f32"), entropy }),
  };
  emitLogprobBackward(rec, { ...inputs, lse, ...upstream, dx, dhead });
  const program = await rec.build();
  program.write("x", Float32Array.from(x));
  program.write("targets", targets);
  program.write("dlogp", Float32Array.from(dlogp));
  if (withEntropy) program.write("dentropy", Float32Array.from(dentropy));
  if (banned.length > 0) program.write("banned", bannedMask(V, banned));
  program.run({ T, temperature });

  const twin = { x, head, targets, T, C, V, temperature, banned: new Set(banned) };
  const forward = logprobForward(twin);
  const backward = logprobBackward(twin, { dlogp, dentropy: withEntropy ? dentropy : undefined });
  // A logit of size L is off by L ulps, and so is, relatively, every probability it makes.
  const size = Math.max(1, scale / 4);
  const within = (depth: number) => ({
    abs: tolerance("f32", depth).abs * size,
    rel: tolerance("f32", depth).rel * size,
  });
  const near = within(C * 4);
  const read = async (tensor: typeof logp, count: number) => (await device.read(tensor)).slice(0, count);
  expectClose(await read(logp, T), forward.logp, near, "logp");
  expectClose(await read(entropy, T), forward.entropy, near, "entropy");
  expectClose(await read(lse, T), forward.lse, near, "lse");
  expectClose(await read(dx, T * C), backward.dx, within(C + V), "dx");
  if (dhead)
    expectClose(
      await device.read(dhead),
      backward.dhead.map((d) => d + 0.5),
      within(C * T),
      "dhead",
    );
  program.destroy();
  return { plan: program.plan, logp: forward.logp, dx: backward.dx };
}

/** The values a quantized weight stands for, read back from its words. */
async function dequantized(device: Device, w: Weight): Promise<Float64Array> {
  const data = await device.read(w.data);
  const values = new Float64Array(w.N * w.K);
  const width = data.length / w.N;
  if (w.format === "f16") {
    return values.map((_, i) => {
      const [n, k] = [Math.floor(i / w.K), i % w.K];
      return halfToFloat((data[n * width + (k >> 1)] >>> (16 * (k & 1))) & 0xffff);
    });
  }
  if (!w.scales) throw new Error(`${w.format} without scales`);
  const scales = await device.read(w.scales);
  const groups = scales.length / w.N;
  const bits = w.format === "q8" ? 8 : 4;
  const perWord = 32 / bits;
  return values.map((_, i) => {
    const [n, k] = [Math.floor(i / w.K), i % w.K];
    const q = (data[n * width + Math.floor(k / perWord)] >>> (bits * (k % perWord))) & (2 ** bits - 1);
    const word = scales[n * groups + Math.floor(k / w.group)];
    return halfToFloat(word & 0xffff) * q + halfToFloat(word >>> 16);
  });
}

describe("logprob", () => {
  test.each<Case>([
    { T: 1, C: 8, V: 2 },
    { T: 5, C: 32, V: 64 },
    { T: 5, C: 33, V: 65 },
    { T: 9, C: 64, V: 320, temperature: 0.7 },
    { T: 17, C: 40, V: 1000, banned: [0, 31, 64, 127, 128, 999] },
    { T: 3, C: 16, V: 700, withEntropy: false, withHead: false },
    { T: 4, C: 16, V: 5003, temperature: 1.3, banned: [5002] },
    { T: 7, C: 24, V: 300, chunkRows: 64, capacity: 20 },
    { T: 6, C: 16, V: 400, scale: 40 },
  ])("$T × $C, vocabulary of $V", async (given) => {
    await compare(await sharedDevice(), given);
  });

  test.each(["f16", "q8", "q4"] as const)("a head in %s", async (format) => {
    await compare(await sharedDevice(), { T: 6, C: 96, V: 333, format });
  });

  test("a chunk whose entries are all banned changes nothing", async () => {
    const banned = Array.from({ length: 64 }, (_, i) => i);
    await compare(await sharedDevice(), { T: 5, C: 16, V: 200, chunkRows: 64, banned });
    await compare(await sharedDevice(), {
      T: 5,
      C: 16,
      V: 200,
      chunkRows: 64,
      banned: banned.map((v) => v + 64),
    });
  });

  test("a head and its gradient above the binding limit are taken shard by shard", async () => {
    const device = await sharedDevice({ maxBindingBytes: 1 << 16 });
    await compare(device, { T: 5, C: 96, V: 700 });
    await compare(device, { T: 5, C: 256, V: 700, format: "q8", withHead: false });
  });

  test("no tensor of [T, V] is planned", async () => {
    const [T, V] = [24, 1000];
    const { plan } = await compare(await sharedDevice(), { T, C: 16, V });
    expect(Math.max(...plan.tensors.map(({ shape }) => elementCount(shape)))).toBeLessThanOrEqual(T * 512);
  });

  test("more than 65,535 rows", async () => {
    const device = await sharedDevice();
    const [T, C, V] = [65_600, 4, 3];
    const weight = await createWeight(
      device,
      "head",
      { format: "f32", N: V, K: C },
      Float32Array.from(normals(V * C, 2)),
    );
    const rec = new Recorder(device, "rows");
    const vector = (name: string) => rec.output(rec.tensor(name, [T], "f32"));
    const inputs = {
      x: rec.input("x", [T, C], "f32"),
      head: weight,
      targets: rec.input("targets", [T], "u32"),
    };
    const [logp, entropy, lse] = [vector("logp"), vector("entropy"), vector("lse")];
    emitLogprob(rec, { ...inputs, logp, entropy, lse });
    const program = await rec.build();
    const x = normals(T * C, 9);
    const targets = integers(T, V, 4);
    program.write("x", Float32Array.from(x));
    program.write("targets", targets);
    program.run();
    const expected = logprobForward({ x, head: normals(V * C, 2), targets, T, C, V, temperature: 1 });
    expectClose(await device.read(logp), expected.logp, tolerance("f32", 16), "logp");
    program.destroy();
  }, 240_000); // SwiftShader takes its time over 65,600 workgroups

  test("refuses a chunk that is no multiple of 64, and dentropy without entropy", async () => {
    const device = await sharedDevice();
    await expect(compare(device, { T: 2, C: 8, V: 200, chunkRows: 100 })).rejects.toThrow(InvalidOptionError);
    const weight = await createWeight(device, "head", { format: "f32", N: 70, K: 4 }, new Float32Array(280));
    const rec = new Recorder(device, "bad");
    const vector = (name: string) => rec.input(name, [2], "f32");
    const inputs = {
      x: rec.input("x", [2, 4], "f32"),
      head: weight,
      targets: rec.input("targets", [2], "u32"),
    };
    const upstream = { lse: vector("lse"), dlogp: vector("dlogp"), dentropy: vector("dentropy") };
    expect(() =>
      emitLogprobBackward(rec, { ...inputs, ...upstream, dx: rec.tensor("dx", [2, 4], "f32") }),
    ).toThrow(ShapeError);
  });
});

describe.each(logprobUpdate.variants.map((variant) => [JSON.stringify(variant.constants), variant] as const))(
  "variant %s of update",
  (_, variant) => {
    it("folds two chunks, a banned entry and an ignored row", async () => {
      const device = await sharedDevice();
      const [T, chunks] = [19, [70, 33]];
      const V = chunks[0] + chunks[1];
      const z = normals(T * V, 1, 3);
      const targets = Uint32Array.from({ length: T }, (_, t) => (t === 4 ? ignoredTarget : (t * 31) % V));
      const banned = new Uint32Array(4);
      banned[2] = 1 << 5; // entry 69, which no target is
      const update = defineKernel({ ...logprobUpdate.spec, variants: [variant], choose: undefined });
      const part = (from: number, count: number) =>
        Float64Array.from({ length: T * count }, (_, i) => z[Math.floor(i / count) * V + from + (i % count)]);
      const got = await once(
        device,
        (rec) => {
          const inputs = {
            targets: rec.input("targets", [T], "u32"),
            banned: rec.input("banned", [4], "u32"),
            state: rec.tensor("state", [T, 4], "f32"),
          };
          chunks.forEach((count, index) => {
            const begin = index * chunks[0];
            const params = {
              begin,
              first: index === 0 ? 1 : 0,
              has_banned: 1,
              has_dentropy: 0,
              temperature: 0.7,
            };
            rec.run(update, { z: rec.input(`z${index}`, [T, count], "f32"), ...inputs }, params);
          });
          const row = (name: string) => rec.tensor(name, [T], "f32");
          const outputs = { logp: row("logp"), entropy: row("entropy"), lse: row("lse") };
          const { targets, state } = inputs;
          const unused = { N: 0, begin: 0, first: 0, has_banned: 1, has_dentropy: 0, temperature: 0.7 };
          rec.run(logprobFinish, { targets, state, ...outputs }, unused);
          return outputs;
        },
        { z0: part(0, chunks[0]), z1: part(chunks[0], chunks[1]), targets, banned },
      );
      for (let t = 0; t < T; t++) {
        const kept = Array.from({ length: V }, (_, v) => (v === 69 ? -Infinity : z[t * V + v] / 0.7));
        const peak = Math.max(...kept);
        const lse = peak + Math.log(kept.reduce((sum, value) => sum + Math.exp(value - peak), 0));
        const entropy = kept.reduce(
          (sum, v) => sum - (v === -Infinity ? 0 : Math.exp(v - lse) * (v - lse)),
          0,
        );
        const expected = t === 4 ? [0, 0, 0] : [kept[targets[t]] - lse, entropy, lse];
        expectClose(
          [got.logp[t], got.entropy[t], got.lse[t]],
          expected,
          { abs: 1e-4, rel: 1e-5 },
          `row ${t}`,
        );
      }
    });
  },
);
