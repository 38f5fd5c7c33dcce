import { describe, expect, it } from "vitest";
import {
  emitAttention,
  packedSegments,
  segmentInputs,
  sharedPrefixSegments,
} from "../../src/kernels/attention.ts";
import { planSegments } from "../../src/kernels/attention-segments.ts";
import type { Segment } from "../../src/kernels/attention-segments.ts";
import { emitAttentionWeights } from "../../src/kernels/attention-weights.ts";
import { SKIP_ROW } from "../../src/kernels/rows.ts";
import { attentionWeights } from "../../src/reference/attention-weights.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";
import { tolerance } from "../support/tolerance.ts";

interface Case {
  T: number;
  Tk?: number;
  H: number;
  KV: number;
  D: number;
  segments: Segment[];
  queries: number[];
  keys: number[];
}

const range = (begin: number, end: number) => Array.from({ length: end - begin }, (_, i) => begin + i);

/** Two layers with unequal shares; what w held before stays in it. */
const shares = [0.25, 0.75];
const before = 0.5;

function layers({ T, Tk = T, H, KV, D }: Case, dtype: "f32" | "f16") {
  return shares.map((_, layer) => ({
    q: stored(dtype, normals(T * H * D, 2 * layer + 1)),
    k: stored(dtype, normals(Tk * KV * D, 2 * layer + 2)),
  }));
}

async function run(test: Case, dtype: "f32" | "f16" = "f32"): Promise<Float32Array> {
  const { T, Tk = T, H, KV, D, segments, queries, keys } = test;
  const capacities = { queries: T, keys: Tk, segments: segments.length };
  const inputs = Object.fromEntries(
    layers(test, dtype).flatMap(({ q, k }, layer) => [
      [`q${layer}`, q],
      [`k${layer}`, k],
    ]),
  );
  const scale = D ** -0.5;
  const { w } = await once(
    await sharedDevice(),
    (rec) => {
      const table = segmentInputs(rec, capacities);
      const look = {
        queries: rec.input("queries", [queries.length], "u32"),
        keys: rec.input("keys", [keys.length], "u32"),
        w: rec.input("w", [queries.length, keys.length], "f32"),
      };
      shares.forEach((share, layer) => {
        const q = rec.input(`q${layer}`, [T, H, D], dtype);
        const k = rec.input(`k${layer}`, [Tk, KV, D], dtype);
        const lse = rec.tensor("lse", [T, H], "f32");
        emitAttention(rec, { q, k, v: k, segments: table, o: rec.like(q, "o"), lse, scale });
        emitAttentionWeights(rec, { q, k, segments: table, lse, scale, ...look, share });
      });
      return { w: look.w };
    },
    {
      ...inputs,
      segments: planSegments(segments, capacities),
      queries: Uint32Array.from(queries),
      keys: Uint32Array.from(keys),
      w: new Float64Array(queries.length * keys.length).fill(before),
    },
  );
  return w as Float32Array;
}

function reference(test: Case, dtype: "f32" | "f16" = "f32"): Float64Array {
  const w = new Float64Array(test.queries.length * test.keys.length).fill(before);
  layers(test, dtype).forEach((layer, index) => {
    const weights = attentionWeights({ ...test, ...layer, scale: test.D ** -0.5 }, test.queries, test.keys);
    weights.forEach((value, at) => (w[at] += shares[index] * value));
  });
  return w;
}

async function check(test: Case, dtype: "f32" | "f16" = "f32"): Promise<void> {
  // w is f32 whatever q and k are.
  const close = tolerance("f32", test.D * (test.Tk ?? test.T));
  expectClose(await run(test, dtype), reference(test, dtype), close, "weights");
}

/** A prompt with the image at rows 4 to 12, and completions behind it: what an inspection looks at. */
const shared = sharedPrefixSegments(21, [9, 14, 1]);
const cases: Record<string, Case> = {
  "one row, one key": {
    T: 1,
    H: 1,
    KV: 1,
    D: 4,
    segments: packedSegments([1], true),
    queries: [0],
    keys: [0],
  },
  "completions over part of a shared prefix": {
    T: 45,
    H: 4,
    KV: 2,
    D: 16,
    segments: shared,
    queries: range(21, 45),
    keys: range(4, 13),
  },
  "one kv head for seven, all rows over all keys": {
    T: 37,
    H: 7,
    KV: 1,
    D: 20,
    segments: packedSegments([30, 7], true),
    queries: range(0, 37),
    keys: range(0, 37),
  },
  "wide heads, rows and keys in any order": {
    T: 70,
    H: 2,
    KV: 2,
    D: 128,
    segments: packedSegments([40, 30], true),
    queries: [69, 3, 41, 69],
    keys: [68, 2, 0, 41, 2],
  },
  "a cache of its own length, a row that sees nothing": {
    T: 11,
    Tk: 60,
    H: 2,
    KV: 1,
    D: 8,
    segments: [
      { queryBegin: 0, queryEnd: 7, causal: true, prefixBegin: 50, prefixEnd: 57, keyBegin: 3, keyEnd: 43 },
      { queryBegin: 7, queryEnd: 10, causal: false, prefixBegin: 0, prefixEnd: 3, keyBegin: 3, keyEnd: 20 },
    ],
    queries: range(0, 11),
    keys: range(0, 60),
  },
};

describe.each(scalarTypes(await sharedDevice()))("attention weights, %s", (dtype) => {
  it.each(Object.keys(cases))("%s", async (name) => {
    await check(cases[name], dtype);
  });
});

describe("attention weights", () => {
  it("leave alone the entries of what is no row", async () => {
    const test = cases["completions over part of a shared prefix"];
    const known = await run(test);
    const got = await run({ ...test, queries: [SKIP_ROW, 22, test.T], keys: [5, SKIP_ROW, test.T, 4] });
    const at = (query: number, key: number) =>
      known[test.queries.indexOf(query) * test.keys.length + test.keys.indexOf(key)];
    const untouched = Array<number>(4).fill(before);
    expect([...got]).toEqual([...untouched, at(22, 5), before, before, at(22, 4), ...untouched]);
  });

  it("run in more than 65,535 workgroups", { timeout: 300_000 }, async () => {
    const T = 3;
    const rows = (count: number) => range(0, count).map((i) => (i * 7) % T);
    const segments = packedSegments([T], true);
    await check({ T, H: 1, KV: 1, D: 4, segments, queries: rows(2100), keys: rows(2101) });
  });

  it("give the same bits twice", async () => {
    const test = cases["one kv head for seven, all rows over all keys"];
    expect(await run(test)).toEqual(await run(test));
  });
});
