import { ShapeError, UnsupportedModelError } from "../util/errors.ts";

/** Element types of the safetensors format that the kit reads, with their size in bytes. */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type SafetensorsDtype = keyof typeof DTYPE_BYTES;

export function isDtype(name: unknown): name is SafetensorsDtype {
  return typeof name === "string" && Object.hasOwn(DTYPE_BYTES, name);
}

/**
 * Raw little-endian elements as float32. F16 and BF16 widen exactly, F64 rounds; integers beyond 2^24 round too (read
 * such tensors with `readBytes`).
 * @throws UnsupportedModelError for a dtype without a numeric meaning here.
 */
export function toFloat32(bytes: Uint8Array, dtype: SafetensorsDtype): Float32Array<ArrayBuffer> {
  const size = DTYPE_BYTES[dtype];
  if (bytes.byteLength % size !== 0) {
    throw new ShapeError(`${dtype} bytes`, bytes.byteLength, `a multiple of ${size}`);
  }
  // Typed array views need an aligned offset; a view into somebody's larger buffer may not have one.
  const own = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const { buffer, byteOffset } = own;
  const count = bytes.byteLength / size;
  switch (dtype) {
    case "F32":
      return new Float32Array(new Float32Array(buffer, byteOffset, count));
    case "F64":
      return new Float32Array(new Float64Array(buffer, byteOffset, count));
    case "F16":
      return widenHalf(new Uint16Array(buffer, byteOffset, count));
    case "BF16":
      return widenBfloat16(new Uint16Array(buffer, byteOffset, count));
    case "I64":
      return Float32Array.from(new BigInt64Array(buffer, byteOffset, count), Number);
    case "U64":
      return Float32Array.from(new BigUint64Array(buffer, byteOffset, count), Number);
    case "I32":
      return new Float32Array(new Int32Array(buffer, byteOffset, count));
    case "U32":
      return new Float32Array(new Uint32Array(buffer, byteOffset, count));
    case "I16":
      return new Float32Array(new Int16Array(buffer, byteOffset, count));
    case "U16":
      return new Float32Array(new Uint16Array(buffer, byteOffset, count));
    case "I8":
      return new Float32Array(new Int8Array(buffer, byteOffset, count));
    case "U8":
    case "BOOL":
      return new Float32Array(own);
    default:
      throw new UnsupportedModelError(
        `dtype: got ${String(dtype)}, expected ${Object.keys(DTYPE_BYTES).join(", ")}`,
      );
  }
}

/** bfloat16 is the upper half of a float32. */
export function widenBfloat16(values: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = values[i] << 16;
  return new Float32Array(bits.buffer);
}

/** IEEE binary16 to float32, exact for every input: subnormals, infinities and NaN included. */
export function widenHalf(values: Uint16Array): Float32Array<ArrayBuffer> {
  const wide = new Float32Array(values.length);
  const bits = new Uint32Array(wide.buffer);
  for (let i = 0; i < values.length; i++) {
    const half = values[i];
    const sign = (half & 0x8000) << 16;
    const rest = half & 0x7fff;
    if (rest >= 0x7c00) bits[i] = sign | 0x7f800000 | ((rest & 0x3ff) << 13);
    else if (rest >= 0x0400) bits[i] = sign | ((rest << 13) + ((127 - 15) << 23));
    else wide[i] = rest * 2 ** -24 * (sign ? -1 : 1); // subnormal or zero; keeps the sign of zero
  }
  return wide;
}

/** float32 to IEEE binary16 bits, rounded to nearest, ties to even; overflow gives infinity. */
export function narrowHalf(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(values.length);
  const scratch = new Float32Array(1);
  const bits = new Uint32Array(scratch.buffer);
  for (let i = 0; i < values.length; i++) {
    scratch[0] = values[i];
    const sign = (bits[0] >>> 16) & 0x8000;
    const magnitude = bits[0] & 0x7fffffff;
    if (magnitude > 0x7f800000) halves[i] = sign | 0x7e00;
    else if (magnitude >= 0x47800000) halves[i] = sign | 0x7c00;
    else if (magnitude >= 0x38800000) {
      const shifted = magnitude - ((127 - 15) << 23);
      halves[i] = sign | ((shifted + 0xfff + ((shifted >>> 13) & 1)) >>> 13);
    } else {
      // Below 2^-14 halves step by 2^-24: scale so that steps are integers and round half to even.
      const steps = Math.abs(scratch[0]) * 2 ** 24;
      const floor = Math.floor(steps);
      const up = steps - floor > 0.5 || (steps - floor === 0.5 && floor % 2 === 1);
      halves[i] = sign | (floor + (up ? 1 : 0));
    }
  }
  return halves;
}

/** The bytes of a typed array, without copying. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
