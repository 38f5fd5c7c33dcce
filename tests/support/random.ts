/** Deterministic test data: mulberry32, a 32-bit generator that is good enough to fill tensors. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` standard normals (Box and Muller), rounded to f32 so that host and GPU start from the same numbers. */
export function normals(count: number, seed: number, scale = 1): Float64Array {
  const next = mulberry32(seed * 7919 + 17);
  return Float64Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    return Math.fround(scale * radius * Math.cos(2 * Math.PI * next()));
  });
}

/** `count` integers in [0, below). */
export function integers(count: number, below: number, seed: number): Uint32Array {
  const next = mulberry32(seed * 104_729 + 71);
  return Uint32Array.from({ length: count }, () => Math.floor(next() * below));
}
