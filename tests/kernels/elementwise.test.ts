import { describe, expect, it } from "vitest";
import { emitAccumulate, emitAdd, emitFill, emitScale } from "../../src/kernels/elementwise.ts";
import { accumulate, add, scale } from "../../src/reference/elementwise.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { normals } from "../support/random.ts";
import { scalarTypes, stored } from "../support/stored.ts";
import { tolerance } from "../support/tolerance.ts";

const device = await sharedDevice();

describe.each(scalarTypes(device))("%s", (dtype) => {
  const shapes = [[1], [130], [3, 65], [5, 7, 11], ...(dtype === "f32" ? [[70_001, 61]] : [])];
  it.each(shapes.map((shape) => [shape]))("add, accumulate, scale, fill of %j", async (shape) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const a = stored(dtype, normals(count, 1));
    const b = stored(dtype, normals(count, 2));
    const got = await once(
      device,
      (rec) => {
        const a = rec.input("a", shape, dtype);
        const b = rec.input("b", shape, dtype);
        const grown = rec.input("grown", shape, dtype);
        const scaled = rec.input("scaled", shape, dtype);
        const sum = rec.like(a, "sum");
        const filled = rec.like(a, "filled");
        emitAdd(rec, { a, b, y: sum });
        emitAccumulate(rec, { x: b, y: grown, alpha: rec.scalar("alpha") });
        emitScale(rec, { y: scaled, alpha: -2 });
        emitFill(rec, { y: filled, value: 1.5 });
        return { sum, grown, scaled, filled };
      },
      { a, b, grown: a, scaled: a },
      { alpha: 0.75 },
    );
    expectClose(got.sum, add(a, b), tolerance(dtype), "add");
    expectClose(got.grown, accumulate(a, b, 0.75), tolerance(dtype), "accumulate");
    expectClose(got.scaled, scale(a, -2), tolerance(dtype), "scale");
    expect(got.filled.every((value) => value === 1.5)).toBe(true);
  });
});

it("accumulates with alpha 1 when none is given, over the rows of the run only", async () => {
  const [capacity, T, F] = [9, 4, 3];
  const [x, y] = [normals(capacity * F, 1), normals(capacity * F, 2)];
  const got = await once(
    device,
    (rec) => {
      const tokens = rec.dim("T", capacity);
      const y = rec.input("y", [tokens, F], "f32");
      emitAccumulate(rec, { x: rec.input("x", [tokens, F], "f32"), y });
      return { y };
    },
    { x, y },
    { T },
  );
  expectClose(
    got.y,
    y.map((value, i) => (i < T * F ? value + x[i] : value)),
    tolerance("f32"),
  );
});

it("refuses a runtime length in an inner axis", async () => {
  const record = once(device, (rec) => {
    const y = rec.tensor("y", [2, rec.dim("T", 4), 3], "f32");
    emitFill(rec, { y, value: 0 });
    return { y };
  });
  await expect(record).rejects.toThrow(/runtime length in the first axis only/);
});
