import { describe, expect, it } from "vitest";
import type { Kernel } from "../../src/gpu/kernel.ts";
import { Recorder } from "../../src/gpu/recorder.ts";
import {
  attentionDecode,
  attentionDecodeRows,
  emitAttention,
  emitDecodeAttention,
  segmentInputs,
  segmentLayout,
  sharedPrefixSegments,
  writeSegments,
} from "../../src/kernels/attention.ts";
import { planSegments } from "../../src/kernels/attention-segments.ts";
import type { Segment } from "../../src/kernels/attention-segments.ts";
import { attentionForward } from "../../src/reference/attention.ts";
import { InvalidOptionError, ShapeError } from "../../src/util/errors.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { narrowed, once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();

/** One token per sequence: `prefix` shared keys at row 0, and a range of its own of each length behind them. */
function steps(prefix: number, lengths: readonly number[]): Segment[] {
  let begin = prefix;
  return lengths.map((length, b) => {
    const segment: Segment = {
      queryBegin: b,
      queryEnd: b + 1,
      causal: true,
      prefixBegin: 0,
      prefixEnd: prefix,
      keyBegin: begin,
      keyEnd: begin + length,
    };
    begin += length;
    return segment;
  });
}

interface Shape {
  B: number;
  Tk: number;
  H: number;
  KV: number;
  D: number;
}

async function decode({ B, Tk, H, KV, D }: Shape, segments: Segment[], scalar: "f32" | "f16" = "f32") {
  const inputs = { q: normals(B * H * D, 1), k: normals(Tk * KV * D, 2), v: normals(Tk * KV * D, 3) };
  const capacities = { queries: B, keys: Tk, segments: segments.length };
  const found = await once(
    device,
    (rec) => {
      const q = rec.input("q", [B, H, D], scalar);
      const k = rec.input("k", [Tk, KV, D], scalar);
      const v = rec.input("v", [Tk, KV, D], scalar);
      const o = rec.tensor("o", [B, H, D], scalar);
      const table = segmentInputs(rec, capacities);
      emitDecodeAttention(rec, { q, k, v, segments: table, o, scale: D ** -0.5 });
      // Which of the two kernels is taken depends on shape and adapter: both are held to the reference.
      const params = { segments_at: segmentLayout(table).segmentsAt, scale: D ** -0.5 };
      const kernels: Record<string, Kernel> =
        scalar === "f32" ? { byGroup: attentionDecode, byRow: attentionDecodeRows } : {};
      const outputs = Object.entries(kernels).map(([name, kernel]) => {
        const y = rec.tensor(name, [B, H, D], scalar);
        rec.run(kernel, { q, k, v, table: table.table, o: y }, params);
        return [name, y] as const;
      });
      return { o, ...Object.fromEntries(outputs) };
    },
    { ...inputs, segments: planSegments(segments, capacities) },
  );
  const expected = attentionForward({ ...inputs, segments, scale: D ** -0.5, H, KV, D }).o;
  // f16: the inputs' own rounding moves scores by about an ulp of f16 each, and o by as much.
  const close = scalar === "f32" ? tolerance("f32", Tk * D) : { abs: 8 * 2 ** -10, rel: 8 * 2 ** -10 };
  for (const [name, values] of Object.entries(found)) expectClose(values, expected, close, name);
}

describe("decode attention", () => {
  it.each([8, 16, 20, 24, 64, 80, 128])("over a cache of one sequence, head width %d", async (D) => {
    await decode({ B: 1, Tk: 77, H: 2, KV: 2, D }, steps(0, [77]));
  });

  const shapes: Record<string, [Shape, Segment[]]> = {
    "a single key": [{ B: 1, Tk: 1, H: 1, KV: 1, D: 16 }, steps(0, [1])],
    "several chunks": [{ B: 2, Tk: 1300, H: 4, KV: 2, D: 16 }, steps(300, [600, 400])],
    "chunk boundaries": [
      { B: 4, Tk: 256 + 257 + 64 + 512, H: 1, KV: 1, D: 8 },
      steps(0, [256, 257, 64, 512]),
    ],
    "a prefix alone": [{ B: 3, Tk: 70, H: 2, KV: 1, D: 8 }, steps(70, [0, 0, 0])],
    "a sequence that sees nothing": [{ B: 3, Tk: 12, H: 2, KV: 1, D: 8 }, steps(0, [5, 0, 7])],
    "seven queries per kv head": [{ B: 3, Tk: 100, H: 14, KV: 2, D: 64 }, steps(40, [20, 1, 39])],
    "sixteen queries per kv head": [{ B: 2, Tk: 300, H: 16, KV: 1, D: 16 }, steps(40, [200, 60])],
    "64 sequences": [
      { B: 64, Tk: 64 * 9 + 50, H: 2, KV: 2, D: 32 },
      steps(
        50,
        Array.from({ length: 64 }, (_, b) => 1 + ((b * 5) % 17)),
      ),
    ],
    "more than 65,535 workgroups": [{ B: 1, Tk: 3, H: 66_000, KV: 66_000, D: 4 }, steps(1, [2])],
  };
  it.each(Object.keys(shapes))("%s", { timeout: 300_000 }, async (name) => {
    await decode(...shapes[name]);
  });

  it("f16 where the device has it", async () => {
    await decode(...shapes["seven queries per kv head"], device.info.f16 ? "f16" : "f32");
  });

  it("step by step gives what the forward gives to the whole, with a table written before each step", async () => {
    const [P, H, KV, D] = [37, 4, 2, 16];
    const lengths = [5, 12, 1];
    const longest = Math.max(...lengths);
    const B = lengths.length;
    const T = P + lengths.reduce((total, length) => total + length, 0);
    const begins = lengths.map(
      (_, b) => P + lengths.slice(0, b).reduce((total, length) => total + length, 0),
    );
    const q = normals(T * H * D, 1);
    const cache = { k: normals(T * KV * D, 2), v: normals(T * KV * D, 3) };
    const whole = sharedPrefixSegments(P, lengths);
    const capacities = { queries: T, segments: whole.length };
    const { o: expected } = await once(
      device,
      (rec) => {
        const [k, v] = [rec.input("k", [T, KV, D], "f32"), rec.input("v", [T, KV, D], "f32")];
        const [o, lse] = [rec.tensor("o", [T, H, D], "f32"), rec.tensor("lse", [T, H], "f32")];
        const table = segmentInputs(rec, capacities);
        emitAttention(rec, {
          q: rec.input("q", [T, H, D], "f32"),
          k,
          v,
          segments: table,
          o,
          lse,
          scale: 0.25,
        });
        return { o };
      },
      { q, ...cache, segments: planSegments(whole, capacities) },
    );

    const rec = new Recorder(device, "step");
    const [k, v] = [rec.input("k", [T, KV, D], "f32"), rec.input("v", [T, KV, D], "f32")];
    const qStep = rec.input("q", [B, H, D], "f32");
    const o = rec.output(rec.tensor("o", [B, H, D], "f32"));
    const table = segmentInputs(rec, { queries: B, keys: T, segments: B });
    emitDecodeAttention(rec, { q: qStep, k, v, segments: table, o, scale: 0.25 });
    const program = await rec.build();
    program.write(k, narrowed(cache.k, k));
    program.write(v, narrowed(cache.v, v));
    for (let step = 0; step < longest; step++) {
      const row = (b: number) => begins[b] + Math.min(step, lengths[b] - 1);
      const rowsOf = (x: ArrayLike<number>) =>
        lengths.flatMap((_, b) => Array.from(x).slice(row(b) * H * D, (row(b) + 1) * H * D));
      program.write(qStep, Float32Array.from(rowsOf(q)));
      const segments = lengths.map((_, b) => ({
        queryBegin: b,
        queryEnd: b + 1,
        causal: true,
        prefixBegin: 0,
        prefixEnd: P,
        keyBegin: begins[b],
        keyEnd: row(b) + 1,
      }));
      writeSegments(program, table, segments);
      program.run();
      expectClose(await program.read(o), rowsOf(expected), tolerance("f32", T * D), `step ${step}`);
    }
    program.destroy();
  });
});

describe("segments", () => {
  const segment: Segment = {
    queryBegin: 0,
    queryEnd: 4,
    causal: true,
    prefixBegin: 0,
    prefixEnd: 2,
    keyBegin: 2,
    keyEnd: 6,
  };
  const capacities = { queries: 8, keys: 10, segments: 2 };

  it.each<[string, Partial<Segment>]>([
    ["a backward range", { queryEnd: -1 }],
    ["queries beyond the capacity", { queryEnd: 9 }],
    ["keys beyond the capacity", { keyEnd: 11 }],
    ["half a row", { keyBegin: 2.5 }],
  ])("refuse %s", (_, change) => {
    expect(() => planSegments([{ ...segment, ...change }], capacities)).toThrow(ShapeError);
  });

  it("refuse too many, shared queries, and a prefix within the own range", () => {
    expect(() => planSegments([segment, segment, segment], capacities)).toThrow(ShapeError);
    expect(() => planSegments([segment, { ...segment, queryBegin: 3 }], capacities)).toThrow(
      InvalidOptionError,
    );
    expect(() => planSegments([{ ...segment, prefixEnd: 3 }], capacities)).toThrow(InvalidOptionError);
  });

  it("of a group share the prompt's rows and no other", () => {
    expect(sharedPrefixSegments(3, [2, 1], 10)).toEqual([
      { queryBegin: 10, queryEnd: 13, causal: true, prefixBegin: 0, prefixEnd: 0, keyBegin: 10, keyEnd: 13 },
      {
        queryBegin: 13,
        queryEnd: 15,
        causal: true,
        prefixBegin: 10,
        prefixEnd: 13,
        keyBegin: 13,
        keyEnd: 15,
      },
      {
        queryBegin: 15,
        queryEnd: 16,
        causal: true,
        prefixBegin: 10,
        prefixEnd: 13,
        keyBegin: 15,
        keyEnd: 16,
      },
    ]);
  });

  it("are refused for a head width that is no multiple of 4, and heads that do not divide", () => {
    const record = (H: number, KV: number, D: number) => {
      const rec = new Recorder(device, "refused");
      const [q, o] = ["q", "o"].map((name) => rec.tensor(name, [2, H, D], "f32"));
      const [k, v] = ["k", "v"].map((name) => rec.tensor(name, [2, KV, D], "f32"));
      emitDecodeAttention(rec, {
        q,
        k,
        v,
        segments: segmentInputs(rec, { queries: 2, segments: 1 }),
        o,
        scale: 1,
      });
    };
    expect(() => record(2, 2, 6)).toThrow(/head width/);
    expect(() => record(2, 2, 132)).toThrow(/head width/);
    expect(() => record(3, 2, 8)).toThrow(/multiple of the 2/);
    record(2, 2, 8);
  });
});
