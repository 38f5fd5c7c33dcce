import { describe, expect, it } from "vitest";
import { attentionWeights } from "../../src/reference/attention-weights.ts";
import { attentionForward, visibleKeys } from "../../src/reference/attention.ts";
import type { ReferenceSegment } from "../../src/reference/attention.ts";
import { expectClose } from "../support/close.ts";
import { normals } from "../support/random.ts";

const [H, KV, D, T, Tk] = [4, 2, 4, 9, 12];
const scale = D ** -0.5;

/** A prompt of 3, a completion behind it, and a bidirectional segment with a prefix; row 8 sees nothing. */
const segments: ReferenceSegment[] = [
  { queryBegin: 0, queryEnd: 3, causal: true, prefixBegin: 0, prefixEnd: 0, keyBegin: 0, keyEnd: 3 },
  { queryBegin: 3, queryEnd: 5, causal: true, prefixBegin: 0, prefixEnd: 3, keyBegin: 3, keyEnd: 5 },
  { queryBegin: 5, queryEnd: 8, causal: false, prefixBegin: 1, prefixEnd: 2, keyBegin: 8, keyEnd: 11 },
];
const inputs = { q: normals(T * H * D, 1), k: normals(Tk * KV * D, 2), segments, scale, H, KV, D };
const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const all = attentionWeights(inputs, range(T), range(Tk));

describe("attention weights", () => {
  it("sum to 1 over all keys, in a row that sees any", () => {
    const sums = range(T).map((t) => all.subarray(t * Tk, (t + 1) * Tk).reduce((a, b) => a + b, 0));
    expectClose(sums, [1, 1, 1, 1, 1, 1, 1, 1, 0], { abs: 1e-12, rel: 0 }, "sums of rows");
  });

  it("are 0 where a query does not see a key, and nowhere else", () => {
    for (const t of range(T)) {
      const segment = segments.find(({ queryBegin, queryEnd }) => t >= queryBegin && t < queryEnd);
      const seen = segment ? visibleKeys(segment, t) : [];
      for (const j of range(Tk)) expect(all[t * Tk + j] > 0, `query ${t}, key ${j}`).toBe(seen.includes(j));
    }
  });

  it("are what the attention averages values with: a value that is 1 for one key gives that key's weight", () => {
    for (const j of range(Tk)) {
      const v = new Float64Array(Tk * KV * D).fill(1, j * KV * D, (j + 1) * KV * D);
      const { o } = attentionForward({ ...inputs, v });
      // Every column of o is the weight of key j; the mean over heads is the op's.
      const mean = range(T).map((t) => range(H).reduce((sum, h) => sum + o[(t * H + h) * D] / H, 0));
      const column = range(T).map((t) => all[t * Tk + j]);
      expectClose(column, mean, { abs: 1e-12, rel: 0 }, `weights of key ${j}`);
    }
  });

  it("come for the rows asked for, in the order asked for, repeated or not", () => {
    const [queries, keys] = [
      [4, 0, 4],
      [10, 1],
    ];
    const some = attentionWeights(inputs, queries, keys);
    expect([...some]).toEqual(queries.flatMap((t) => keys.map((j) => all[t * Tk + j])));
  });
});
