import { describe, expect, it } from "vitest";
import { attentionBackward, attentionForward, visibleKeys } from "../../src/reference/attention.ts";
import type { ReferenceSegment } from "../../src/reference/attention.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const [H, KV, D, T, Tk] = [4, 2, 4, 9, 12];
const scale = D ** -0.5;

/** A prompt of 3, two completions behind it, and a bidirectional segment with a prefix; row 8 sees nothing. */
const segments: ReferenceSegment[] = [
  { queryBegin: 0, queryEnd: 3, causal: true, prefixBegin: 0, prefixEnd: 0, keyBegin: 0, keyEnd: 3 },
  { queryBegin: 3, queryEnd: 5, causal: true, prefixBegin: 0, prefixEnd: 3, keyBegin: 3, keyEnd: 5 },
  { queryBegin: 5, queryEnd: 6, causal: true, prefixBegin: 0, prefixEnd: 3, keyBegin: 5, keyEnd: 8 },
  { queryBegin: 6, queryEnd: 8, causal: false, prefixBegin: 1, prefixEnd: 2, keyBegin: 8, keyEnd: 11 },
];

const inputs = { q: normals(T * H * D, 1), k: normals(Tk * KV * D, 2), v: normals(Tk * KV * D, 3) };
const shape = { segments, scale, H, KV, D };
type Inputs = Record<string, Float64Array>;
const forward = ({ q, k, v }: Inputs) => attentionForward({ ...shape, q, k, v });

describe("attention", () => {
  it("sees the prefix, and its own range up to its place", () => {
    expect(visibleKeys(segments[1], 3)).toEqual([0, 1, 2, 3]);
    expect(visibleKeys(segments[1], 4)).toEqual([0, 1, 2, 3, 4]);
    expect(visibleKeys(segments[2], 5)).toEqual([0, 1, 2, 5, 6, 7]);
    expect(visibleKeys(segments[3], 6)).toEqual([1, 8, 9, 10]);
  });

  it("averages values where all scores are equal", () => {
    const v = normals(3, 4);
    const one: ReferenceSegment[] = [{ ...segments[0], causal: false }];
    const { o, lse } = attentionForward({
      q: new Float64Array(3),
      k: normals(3, 5),
      v,
      segments: one,
      scale: 1,
      H: 1,
      KV: 1,
      D: 1,
    });
    for (const value of o) expect(value).toBeCloseTo((v[0] + v[1] + v[2]) / 3, 12);
    for (const value of lse) expect(value).toBeCloseTo(Math.log(3), 12);
  });

  it("gives 0 to a row that sees nothing", () => {
    const { o, lse } = forward(inputs);
    expect([...o.subarray(8 * H * D)]).toEqual(Array(H * D).fill(0));
    expect(lse[8 * H]).toBe(-Infinity);
  });

  it("has the gradient that central differences give", () => {
    checkGradient(
      "attention",
      inputs,
      (x) => forward(x).o,
      ({ q, k, v }, dy) => {
        const { dq, dk, dv } = attentionBackward({ ...shape, q, k, v, ...forward({ q, k, v }), do: dy });
        return { q: dq, k: dk, v: dv };
      },
    );
  });

  it("is caught when a gradient forgets δ", () => {
    const wrong = ({ q, k, v }: Inputs, dy: Float64Array) => {
      const { lse } = forward({ q, k, v });
      const { dq } = attentionBackward({ ...shape, q, k, v, o: new Float64Array(q.length), lse, do: dy });
      return { q: dq };
    };
    expect(() => checkGradient("attention", inputs, (x) => forward(x).o, wrong)).toThrow(/dq/);
  });
});
