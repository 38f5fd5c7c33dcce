import type { Device } from "../../src/gpu/device.ts";
import { floatToHalf, halfToFloat } from "../../src/util/half.ts";

/** The dtypes activations can have on this device. The lavapipe lane must offer f16: without it half the tests vanish. */
export function scalarTypes(device: Device): readonly ("f32" | "f16")[] {
  if (device.has("f16")) return ["f32", "f16"];
  if (process.env.THINKTAB_LANE === "lavapipe")
    throw new Error("lavapipe without shader-f16: the driver is too old");
  return ["f32"];
}

/** The values as a tensor of that dtype holds them, so that reference and GPU start from the same numbers. */
export function stored(dtype: "f32" | "f16", values: Float64Array): Float64Array {
  return values.map(dtype === "f32" ? Math.fround : (value) => halfToFloat(floatToHalf(value)));
}
