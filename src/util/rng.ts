/**
 * Philox4x32-10, a counter-based generator: key and counter in, four random words out, no state. Twin of
 * shaders/lib/rng.wgsl, bit for bit. Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
import { InvalidOptionError } from "./errors.ts";

/** A 64-bit seed as two unsigned words: what shaders take. */
export interface Seed {
  lo: number;
  hi: number;
}

export type Words4 = readonly [number, number, number, number];

/** High word of the 64-bit product of two unsigned words. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const lowHigh = Math.imul(aLow, bHigh) >>> 0;
  const highLow = Math.imul(aHigh, bLow) >>> 0;
  const middle = (Math.imul(aLow, bLow) >>> 16) + (lowHigh & 0xffff) + (highLow & 0xffff);
  return ((Math.imul(aHigh, bHigh) >>> 0) + (lowHigh >>> 16) + (highLow >>> 16) + (middle >>> 16)) >>> 0;
}

/** Ten Philox rounds of `counter` under `key`; all words unsigned. */
export function philox4x32(counter: Words4, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** (top 23 bits + 1/2) / 2²³: in (0, 1), never an end point, and exact in float32. */
export function unitInterval(word: number): number {
  return ((word >>> 9) + 0.5) * 2 ** -23;
}

/** The uniform that decides token `position` of `sequence` under `seed`: what the sampling kernel draws. */
export function uniformAt(seed: Seed, sequence: number, position: number, stream = 0): number {
  return unitInterval(
    philox4x32([position >>> 0, sequence >>> 0, stream >>> 0, 0], [seed.lo >>> 0, seed.hi >>> 0])[0],
  );
}

/**
 * Splits a seed into words.
 * @throws InvalidOptionError unless it is an integer of 0 to 2⁵³−1 (number) or 0 to 2⁶⁴−1 (bigint).
 */
export function seedFrom(seed: number | bigint): Seed {
  const valid =
    typeof seed === "bigint" ? seed >= 0n && seed < 1n << 64n : Number.isSafeInteger(seed) && seed >= 0;
  if (!valid)
    throw new InvalidOptionError("seed", String(seed), "an integer of 0 to 2^53-1, or a bigint of 64 bits");
  const wide = BigInt(seed);
  return { lo: Number(wide & 0xffffffffn), hi: Number(wide >> 32n) };
}

/** Where a {@link Rng} stands; plain numbers, for checkpoints. */
export interface RngState {
  seedLo: number;
  seedHi: number;
  stream: number;
  counter: number;
}

/** A sequential view of the generator for the host: shuffling data, initialising weights. Streams are independent. */
export class Rng {
  #seed: Seed;
  #stream: number;
  #counter: number;
  #block: Words4 = [0, 0, 0, 0];
  #blockIndex = -1;

  constructor(seed: number | bigint | Seed, stream = 0, counter = 0) {
    this.#seed = typeof seed === "object" ? seed : seedFrom(seed);
    this.#stream = stream >>> 0;
    this.#counter = counter;
  }

  /** The next word, 0 to 2³²−1. */
  uint32(): number {
    const index = Math.floor(this.#counter / 4);
    if (index !== this.#blockIndex) {
      // The last counter word is 1 here and 0 in uniformAt: host and sampler never share a block.
      const counter: Words4 = [index >>> 0, Math.floor(index / 2 ** 32), this.#stream, 1];
      this.#block = philox4x32(counter, [this.#seed.lo, this.#seed.hi]);
      this.#blockIndex = index;
    }
    return this.#block[this.#counter++ % 4];
  }

  /** Uniform in (0, 1). */
  uniform(): number {
    return unitInterval(this.uint32());
  }

  /** Uniform integer in [0, n), without modulo bias. */
  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
      throw new InvalidOptionError("below: n", n, "an integer of 1 to 2^32");
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const word = this.uint32();
      if (word < limit) return word % n;
    }
  }

  /** Standard normal, by Box and Muller's transform. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Fisher-Yates, in place. */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [items[last], items[other]] = [items[other], items[last]];
    }
    return items;
  }

  /** A random order of 0 to n−1. */
  permutation(n: number): Uint32Array {
    return Uint32Array.from(this.shuffle(Array.from({ length: n }, (_, index) => index)));
  }

  state(): RngState {
    return { seedLo: this.#seed.lo, seedHi: this.#seed.hi, stream: this.#stream, counter: this.#counter };
  }

  static restore(state: RngState): Rng {
    return new Rng({ lo: state.seedLo, hi: state.seedHi }, state.stream, state.counter);
  }
}
