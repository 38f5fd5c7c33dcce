import { describe, expect, it } from "vitest";
import type { Device } from "../../src/gpu/device.ts";
import { sizesAtCapacity, variantKey } from "../../src/gpu/kernel.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import {
  attentionForward as forwardKernel,
  emitAttention,
  emitAttentionBackward,
  packedSegments,
  segmentInputs,
  sharedPrefixSegments,
} from "../../src/kernels/attention.ts";
import { planSegments } from "../../src/kernels/attention-segments.ts";
import type { Segment } from "../../src/kernels/attention-segments.ts";
import { attentionBackward, attentionForward } from "../../src/reference/attention.ts";
import { floatToHalf, halfToFloat } from "../../src/util/half.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

interface Case {
  T: number;
  Tk?: number;
  H: number;
  KV: number;
  D: number;
  segments: Segment[];
}

type Scalar = "f32" | "f16";
const lowest = -1e30; // the kernels' lse of a row that sees nothing

function data({ T, Tk = T, H, KV, D }: Case, scalar: Scalar) {
  const round = (x: Float64Array) =>
    scalar === "f32" ? x : x.map((value) => halfToFloat(floatToHalf(value)));
  return {
    q: round(normals(T * H * D, 1)),
    k: round(normals(Tk * KV * D, 2)),
    v: round(normals(Tk * KV * D, 3)),
    do: round(normals(T * H * D, 4)),
  };
}

function capacities({ T, Tk = T, segments }: Case) {
  return { queries: T, keys: Tk, segments: Math.max(1, segments.length) };
}

/** Forward and backward. */
function record(rec: Recorder, test: Case, scalar: Scalar) {
  const { T, Tk = T, H, KV, D } = test;
  const [q, o, dO] = ["q", "o", "do"].map((name) => rec.input(name, [T, H, D], scalar));
  const [k, v] = ["k", "v"].map((name) => rec.input(name, [Tk, KV, D], scalar));
  const segments = segmentInputs(rec, capacities(test));
  const lse = rec.tensor("lse", [T, H], "f32");
  const [dq, dk, dv] = [rec.like(q, "dq"), rec.like(k, "dk"), rec.like(v, "dv")];
  const common = { q, k, v, o, lse, segments, scale: D ** -0.5 };
  emitAttention(rec, common);
  emitAttentionBackward(rec, { ...common, do: dO, dq, dk, dv });
  return { o, lse, dq, dk, dv };
}

async function run(test: Case, scalar: Scalar = "f32", options: { subgroups?: boolean } = {}) {
  const device = await sharedDevice(options);
  const table = planSegments(test.segments, capacities(test));
  return once(device, (rec) => record(rec, test, scalar), { ...data(test, scalar), segments: table });
}

/** Makes the device run the given variant of every tiled kernel on this case's sizes. */
function pinAll(device: Device, test: Case, variant: number): void {
  const rec = new Recorder(device, "pin");
  record(rec, test, "f32");
  for (const command of rec.commands) {
    if (command.kind !== "dispatch" || command.kernel.variants.length !== 4) continue;
    device.pinnedVariants.set(variantKey(command.kernel, sizesAtCapacity(command.values)), variant);
  }
  expect(device.pinnedVariants.size).toBe(3);
}

function reference(test: Case, scalar: Scalar = "f32") {
  const inputs = { ...data(test, scalar), ...test, scale: test.D ** -0.5 };
  const { o, lse } = attentionForward(inputs);
  return { o, lse: lse.map((x) => Math.max(x, lowest)), ...attentionBackward({ ...inputs, o, lse }) };
}

/** Longest sum behind a result: over keys and D, and for dk and dv over queries and heads. */
function depth({ T, Tk = T, H, KV, D }: Case): number {
  return D * Math.max(Tk, (T * H) / KV);
}

async function check(
  test: Case,
  scalar: Scalar = "f32",
  options: { subgroups?: boolean } = {},
): Promise<void> {
  const got = await run(test, scalar, options);
  const expected = reference(test, scalar);
  for (const name of ["o", "lse", "dq", "dk", "dv"] as const) {
    expectClose(got[name], expected[name], tolerance(name === "lse" ? "f32" : scalar, depth(test)), name);
  }
}

const causal = (...lengths: number[]) => packedSegments(lengths, true);
const full = (...lengths: number[]) => packedSegments(lengths, false);
const sum = (lengths: readonly number[]) => lengths.reduce((total, length) => total + length, 0);

const widths = [8, 16, 20, 24, 64, 80, 128];
const windows = [16, 4, 4, 1, 64, 37];
const manyLengths = Array.from({ length: 150 }, (_, index) => 1 + ((index * 7) % 5));

describe("attention, forward and backward", () => {
  it.each(widths)("one causal segment, head width %d", async (D) => {
    await check({ T: 37, H: 2, KV: 2, D, segments: causal(37) });
  });

  const cases: Record<string, Case> = {
    "a single row": { T: 1, H: 1, KV: 1, D: 16, segments: causal(1) },
    "one past a tile": { T: 33, H: 1, KV: 1, D: 16, segments: causal(33) },
    "several tiles and blocks": { T: 131, H: 2, KV: 1, D: 16, segments: causal(131) },
    "packed causal sequences": { T: 90, H: 2, KV: 2, D: 8, segments: causal(5, 1, 40, 32, 12) },
    "bidirectional windows": { T: sum(windows), H: 2, KV: 2, D: 20, segments: full(...windows) },
    "segments of one row": { T: 40, H: 2, KV: 2, D: 8, segments: causal(...Array<number>(40).fill(1)) },
    "grouped queries": { T: 45, H: 6, KV: 2, D: 16, segments: causal(20, 25) },
    "one kv head for seven": { T: 35, H: 7, KV: 1, D: 8, segments: full(35) },
    "a shared prefix": {
      T: 21 + 9 + 14 + 1,
      H: 4,
      KV: 2,
      D: 16,
      segments: sharedPrefixSegments(21, [9, 14, 1]),
    },
    "many segments": { T: sum(manyLengths), H: 1, KV: 1, D: 8, segments: causal(...manyLengths) },
    "queries continuing a cache": {
      T: 11,
      Tk: 60,
      H: 2,
      KV: 1,
      D: 16,
      segments: [
        { queryBegin: 0, queryEnd: 7, causal: true, prefixBegin: 50, prefixEnd: 57, keyBegin: 3, keyEnd: 43 },
        { queryBegin: 7, queryEnd: 11, causal: false, prefixBegin: 0, prefixEnd: 3, keyBegin: 3, keyEnd: 20 },
      ],
    },
    "fewer keys than causal queries": {
      T: 40,
      H: 1,
      KV: 1,
      D: 8,
      segments: [
        { queryBegin: 0, queryEnd: 40, causal: true, prefixBegin: 0, prefixEnd: 0, keyBegin: 10, keyEnd: 15 },
      ],
    },
    "rows and keys that nothing covers": {
      T: 100,
      H: 2,
      KV: 1,
      D: 8,
      segments: [
        { queryBegin: 3, queryEnd: 13, causal: true, prefixBegin: 0, prefixEnd: 0, keyBegin: 5, keyEnd: 15 },
        { queryBegin: 40, queryEnd: 44, causal: true, prefixBegin: 0, prefixEnd: 0, keyBegin: 7, keyEnd: 7 },
      ],
    },
    "segments out of order": {
      T: 70,
      H: 1,
      KV: 1,
      D: 8,
      segments: [...causal(30, 40)].reverse(),
    },
  };
  it.each(Object.keys(cases))("%s", async (name) => {
    await check(cases[name]);
  });
  it.each([
    "several tiles and blocks",
    "a shared prefix",
    "grouped queries",
    "rows and keys that nothing covers",
  ])("%s, without subgroups", async (name) => {
    await check(cases[name], "f32", { subgroups: false });
  });
  it.each(["several tiles and blocks", "a shared prefix"])(
    "%s, f16 where the device has it",
    async (name) => {
      const { info } = await sharedDevice();
      await check(cases[name], info.f16 ? "f16" : "f32");
    },
  );

  it("leaves zero where nobody looks", async () => {
    const got = await run(cases["rows and keys that nothing covers"]);
    const { D } = cases["rows and keys that nothing covers"];
    expect([...got.o.subarray(0, 3 * 2 * D)].every((value) => value === 0)).toBe(true);
    expect([...got.dq.subarray(40 * 2 * D)].every((value) => value === 0)).toBe(true);
    expect([...got.dk.subarray(15 * D)].every((value) => value === 0)).toBe(true);
    expect([...got.dv.subarray(0, 5 * D)].every((value) => value === 0)).toBe(true);
  });

  it("gives a shared prefix what separate sequences get, and sums the prefix's gradients", async () => {
    const [P, H, D] = [21, 2, 16];
    const lengths = [9, 14, 1];
    const shared: Case = { T: P + sum(lengths), H, KV: H, D, segments: sharedPrefixSegments(P, lengths) };
    const close = tolerance("f32", depth(shared));
    const got = await run(shared);
    const all = data(shared, "f32");
    const dkOfPrefix = new Float64Array(P * H * D);
    // The prompt alone, and each completion as a sequence of its own behind the prompt, whose queries count once.
    let begin = P;
    for (const length of [0, ...lengths]) {
      const [from, to] = [begin * H * D, (begin + length) * H * D];
      begin += length;
      const prefix = P * H * D;
      const pick = (x: Float64Array) =>
        Float64Array.from([...x.subarray(0, prefix), ...x.subarray(from, to)]);
      const dO = pick(all.do);
      if (length > 0) dO.fill(0, 0, prefix);
      const segments = causal(P + length);
      const inputs = {
        q: pick(all.q),
        k: pick(all.k),
        v: pick(all.v),
        segments,
        scale: D ** -0.5,
        H,
        KV: H,
        D,
      };
      const { o, lse } = attentionForward(inputs);
      const { dq, dk, dv } = attentionBackward({ ...inputs, o, lse, do: dO });
      for (const [name, separate] of Object.entries({ o, dq, dk, dv })) {
        const part = got[name as "o"].subarray(from, to);
        expectClose(part, separate.subarray(prefix), close, `${name} of the completion of ${length}`);
      }
      dkOfPrefix.forEach((_, index) => (dkOfPrefix[index] += dk[index]));
    }
    expectClose(got.dk.subarray(0, dkOfPrefix.length), dkOfPrefix, close, "dk of the prefix");
  });

  it("runs more than 65,535 workgroups", { timeout: 300_000 }, async () => {
    await check({ T: 2, H: 66_000, KV: 66_000, D: 4, segments: causal(2) });
  });

  // Which variant a device takes by itself depends on what it is: each is held to the reference here. A narrow head,
  // since the variants for GPUs unroll over it: lavapipe compiles variant 2 at D = 8 for 25 s.
  it.each([0, 1, 2, 3])("is right in variant %d", { timeout: 300_000 }, async (variant) => {
    const device = await sharedDevice();
    const eligible = device.canRun(forwardKernel.variants[variant]);
    expect(eligible).toBe(variant % 2 === 0 || device.info.subgroups);
    const D = variant === 2 ? 4 : 8;
    const test: Case = { T: 21 + 40 + 7, H: 4, KV: 2, D, segments: sharedPrefixSegments(21, [40, 7]) };
    pinAll(device, test, eligible ? variant : 0);
    try {
      await check(test);
    } finally {
      device.pinnedVariants.clear();
    }
  });

  it("gives the same bits twice", async () => {
    const [first, second] = [await run(cases["a shared prefix"]), await run(cases["a shared prefix"])];
    for (const name of ["o", "lse", "dq", "dk", "dv"] as const) expect(first[name]).toEqual(second[name]);
  });
});
