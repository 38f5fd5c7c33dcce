import { describe, expect, it } from "vitest";
import { emitGatherRows, emitScatterRows, SKIP_ROW } from "../../src/kernels/rows.ts";
import { gatherRows, scatterRows } from "../../src/reference/rows.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";

const device = await sharedDevice();

/** Distinct rows in a scattered order; every fifth is skipped. The stride is prime, so no two are equal. */
function distinct(count: number, below: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => (i % 5 === 4 ? SKIP_ROW : (i * 7919 + 3) % below));
}

describe.each([...scalarTypes(device), "u32" as const, "i32" as const])("%s", (dtype) => {
  const values = (count: number, seed: number) => {
    if (dtype === "f32" || dtype === "f16") return stored(dtype, normals(count, seed));
    // Bit patterns that no float arithmetic would leave alone.
    return Float64Array.from({ length: count }, (_, i) => (dtype === "u32" ? 0xffff_ffff - i : -1 - i));
  };

  it.each([
    { M: 1, R: 1, C: 1 },
    { M: 11, R: 7, C: 65 },
    { M: 64, R: 64, C: 128 },
    ...(dtype === "f32"
      ? [
          { M: 70_003, R: 70_001, C: 61 },
          { M: 70_003, R: 70_001, C: 240 },
        ]
      : []), // more than 65,535 workgroups
  ])("gathers and scatters $R of $M rows of $C", async ({ M, R, C }) => {
    const index = distinct(R, M);
    const table = values(M * C, 1);
    const moved = values(R * C, 2);
    const got = await once(
      device,
      (rec) => {
        const index = rec.input("index", [R], "u32");
        const table = rec.input("table", [M, C], dtype);
        const moved = rec.input("moved", [R, C], dtype);
        const gathered = rec.tensor("gathered", [R, C], dtype);
        emitGatherRows(rec, { src: table, index, y: gathered });
        emitScatterRows(rec, { src: moved, index, y: table });
        return { gathered, table };
      },
      { index, table, moved },
    );
    expect(sameValues(got.gathered, gatherRows(table, index, C))).toBe(true);
    expect(sameValues(got.table, scatterRows(moved, index, table, C))).toBe(true);
  });
});

it("appends to a cache of [rows, heads, width], with a runtime number of rows", async () => {
  const [capacity, R, M, KV, D] = [6, 3, 10, 2, 4];
  const index = Uint32Array.of(9, 0, 4);
  const cache = normals(M * KV * D, 1);
  const k = normals(R * KV * D, 2);
  const got = await once(
    device,
    (rec) => {
      const tokens = rec.dim("R", capacity);
      const cache = rec.input("cache", [M, KV, D], "f32");
      emitScatterRows(rec, {
        src: rec.input("k", [tokens, KV, D], "f32"),
        index: rec.input("index", [tokens], "u32"),
        y: cache,
      });
      return { cache };
    },
    { index, cache, k },
    { R },
  );
  expect(sameValues(got.cache, scatterRows(k, index, cache, KV * D))).toBe(true);
});

it("is not fooled by equal lengths: a moved row differs from the table's", () => {
  const index = distinct(7, 11);
  expect(sameValues(gatherRows(normals(33, 1), index, 3), gatherRows(normals(33, 2), index, 3))).toBe(false);
});

function sameValues(actual: ArrayLike<number>, expected: ArrayLike<number>): boolean {
  for (let i = 0; i < expected.length; i++) if (actual[i] !== expected[i]) return false;
  return actual.length === expected.length;
}
