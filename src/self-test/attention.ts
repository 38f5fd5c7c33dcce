import type { Device } from "../gpu/device.ts";
import {
  emitAttention,
  emitAttentionBackward,
  emitDecodeAttention,
  packedSegments,
  segmentInputs,
  sharedPrefixSegments,
  writeSegments,
} from "../kernels/attention.ts";
import type { Segment, SegmentInputs } from "../kernels/attention.ts";
import { emitAttentionWeights } from "../kernels/attention-weights.ts";
import { attentionWeights } from "../reference/attention-weights.ts";
import { attentionBackward, attentionForward } from "../reference/attention.ts";
import { normals, runOnce, tolerance } from "./case.ts";
import type { Check, Floats, SelfTestCase } from "./case.ts";

// Grouped queries, a head width that fills no whole tile.
const H = 4;
const KV = 2;
const D = 20;
const scale = 1 / Math.sqrt(D);

const layouts: Record<string, Segment[]> = {
  "packed, causal": packedSegments([1, 37, 12], true),
  "windows, not causal": packedSegments([16, 33], false),
  "shared prefix": sharedPrefixSegments(35, [9, 1, 20]),
};

export function attentionCases(dtypes: readonly Floats[]): SelfTestCase[] {
  return dtypes.flatMap((dtype): SelfTestCase[] => [
    ...Object.entries(layouts).map(([name, segments]): SelfTestCase => {
      const part = `${dtype}, ${name}, forward and backward`;
      return { kernel: "attention", part, run: (device) => trainingCase(device, segments, dtype) };
    }),
    { kernel: "attention", part: `${dtype}, decode`, run: (device) => decodeCase(device, dtype) },
    { kernel: "attention-weights", part: dtype, run: (device) => weightsCase(device, dtype) },
  ]);
}

async function trainingCase(device: Device, segments: readonly Segment[], dtype: Floats): Promise<Check[]> {
  const T = Math.max(...segments.map(({ queryEnd }) => queryEnd));
  const inputs = {
    q: normals(T * H * D, 1, dtype),
    k: normals(T * KV * D, 2, dtype),
    v: normals(T * KV * D, 3, dtype),
    do: normals(T * H * D, 4, dtype),
  };
  let table: SegmentInputs | undefined;
  const got = await runOnce(
    device,
    (rec) => {
      const own = (name: string, heads: number) => rec.input(name, [T, heads, D], dtype);
      const [q, k, v] = [own("q", H), own("k", KV), own("v", KV)];
      const o = rec.like(q, "o");
      const lse = rec.tensor("lse", [T, H], "f32");
      const [dq, dk, dv] = [rec.like(q, "dq"), rec.like(k, "dk"), rec.like(v, "dv")];
      table = segmentInputs(rec, { queries: T, segments: segments.length });
      const forward = { q, k, v, segments: table, o, lse, scale };
      emitAttention(rec, forward);
      emitAttentionBackward(rec, { ...forward, do: own("do", H), dq, dk, dv });
      return { o, lse, dq, dk, dv };
    },
    inputs,
    { prepare: (program) => table && writeSegments(program, table, segments) },
  );
  const reference = { ...inputs, segments, scale, H, KV, D };
  const forward = attentionForward(reference);
  const backward = attentionBackward({ ...reference, ...forward });
  const allowed = tolerance(dtype, T, 4);
  return [
    { what: "o", actual: got.o, expected: forward.o, tolerance: allowed },
    { what: "lse", actual: got.lse, expected: forward.lse, tolerance: tolerance("f32", T, 4) },
    { what: "dq", actual: got.dq, expected: backward.dq, tolerance: allowed },
    { what: "dk", actual: got.dk, expected: backward.dk, tolerance: allowed },
    { what: "dv", actual: got.dv, expected: backward.dv, tolerance: allowed },
  ];
}

/** Three rows over one cache: two share a prefix, the third has a range of its own. */
async function decodeCase(device: Device, dtype: Floats): Promise<Check[]> {
  const B = 3;
  const Tk = 90;
  const segment = (query: number, prefix: [number, number], own: [number, number]): Segment => ({
    queryBegin: query,
    queryEnd: query + 1,
    causal: false,
    prefixBegin: prefix[0],
    prefixEnd: prefix[1],
    keyBegin: own[0],
    keyEnd: own[1],
  });
  const segments = [
    segment(0, [0, 41], [41, 42]),
    segment(1, [0, 41], [50, 67]),
    segment(2, [0, 0], [70, 90]),
  ];
  const inputs = {
    q: normals(B * H * D, 1, dtype),
    k: normals(Tk * KV * D, 2, dtype),
    v: normals(Tk * KV * D, 3, dtype),
  };
  let table: SegmentInputs | undefined;
  const { o } = await runOnce(
    device,
    (rec) => {
      const q = rec.input("q", [B, H, D], dtype);
      const k = rec.input("k", [Tk, KV, D], dtype);
      const v = rec.input("v", [Tk, KV, D], dtype);
      const o = rec.like(q, "o");
      table = segmentInputs(rec, { queries: B, keys: Tk, segments: B });
      emitDecodeAttention(rec, { q, k, v, segments: table, o, scale });
      return { o };
    },
    inputs,
    { prepare: (program) => table && writeSegments(program, table, segments) },
  );
  const expected = attentionForward({ ...inputs, segments, scale, H, KV, D }).o;
  return [{ what: "o", actual: o, expected, tolerance: tolerance(dtype, Tk, 4) }];
}

/** Where completions behind a shared prefix look in it, and in what they do not see. */
async function weightsCase(device: Device, dtype: Floats): Promise<Check[]> {
  const segments = layouts["shared prefix"];
  const T = Math.max(...segments.map(({ queryEnd }) => queryEnd));
  const inputs = {
    q: normals(T * H * D, 1, dtype),
    k: normals(T * KV * D, 2, dtype),
  };
  const queries = Uint32Array.from({ length: T - 35 }, (_, s) => 35 + s);
  const keys = Uint32Array.from({ length: 13 }, (_, n) => 3 * n + 2);
  let table: SegmentInputs | undefined;
  const { w } = await runOnce(
    device,
    (rec) => {
      const q = rec.input("q", [T, H, D], dtype);
      const k = rec.input("k", [T, KV, D], dtype);
      const lse = rec.tensor("lse", [T, H], "f32");
      const w = rec.tensor("w", [queries.length, keys.length], "f32");
      const look = {
        queries: rec.input("queries", [queries.length], "u32"),
        keys: rec.input("keys", [keys.length], "u32"),
      };
      table = segmentInputs(rec, { queries: T, segments: segments.length });
      emitAttention(rec, { q, k, v: k, segments: table, o: rec.like(q, "o"), lse, scale });
      rec.zero(w);
      emitAttentionWeights(rec, { q, k, segments: table, lse, scale, ...look, w, share: 1 });
      return { w };
    },
    { ...inputs, queries, keys },
    { prepare: (program) => table && writeSegments(program, table, segments) },
  );
  const expected = attentionWeights({ ...inputs, segments, scale, H, KV, D }, queries, keys);
  return [{ what: "w", actual: w, expected, tolerance: tolerance("f32", T, 4) }];
}
