/**
 * Draws small pictures with the same pixels in every JavaScript engine. Only operations that ECMAScript defines to the
 * last bit are used: + − · /, floor, min, max, imul. Engines differ in sin, exp and log, so the noise needs none.
 */
import type { RgbImage } from "../data/image.ts";

export type Rgb = readonly [red: number, green: number, blue: number];

/** Whether a point, in pixels from the figure's centre (y down), belongs to it. */
export type Figure = (x: number, y: number) => boolean;

/** Sample points per pixel edge: coverage comes in steps of 1/16. */
const samples = 4;

/** A square canvas of one colour; channels in 0…255, not rounded before {@link Canvas.finish}. */
export class Canvas {
  readonly #data: Float64Array;

  /** @param size edge, pixels. */
  constructor(
    readonly size: number,
    background: Rgb,
  ) {
    this.#data = new Float64Array(size * size * 3);
    for (let index = 0; index < this.#data.length; index++) this.#data[index] = background[index % 3];
  }

  /**
   * Paints a figure over what is there; edge pixels mix by coverage.
   * @param x centre, pixels; y down.
   * @param reach no point of the figure is further from the centre than this, along x or y.
   */
  paint(figure: Figure, x: number, y: number, reach: number, colour: Rgb): void {
    const last = this.size - 1;
    const bottom = Math.min(last, Math.floor(y + reach));
    const right = Math.min(last, Math.floor(x + reach));
    for (let row = Math.max(0, Math.floor(y - reach)); row <= bottom; row++) {
      for (let column = Math.max(0, Math.floor(x - reach)); column <= right; column++) {
        const share = coverage(figure, column - x, row - y);
        if (share === 0) continue;
        const at = (row * this.size + column) * 3;
        for (let channel = 0; channel < 3; channel++) {
          this.#data[at + channel] += (colour[channel] - this.#data[at + channel]) * share;
        }
      }
    }
  }

  /**
   * Adds noise and rounds to bytes.
   * @param noise standard deviation, as a share of full scale; 0: none.
   * @param seed a word; the same seed gives the same noise.
   */
  finish(noise: number, seed: number): RgbImage {
    const normal = normalSource(seed);
    const data = new Uint8Array(this.#data.length);
    for (let index = 0; index < data.length; index++) {
      const value = this.#data[index] + (noise > 0 ? noise * 255 * normal() : 0);
      data[index] = Math.floor(Math.min(255, Math.max(0, value)) + 0.5);
    }
    return { width: this.size, height: this.size, data };
  }
}

/** The share of the pixel whose upper left corner is (left, top) that a figure covers. */
function coverage(figure: Figure, left: number, top: number): number {
  let inside = 0;
  for (let index = 0; index < samples * samples; index++) {
    const x = left + ((index % samples) + 0.5) / samples;
    const y = top + (Math.floor(index / samples) + 0.5) / samples;
    if (figure(x, y)) inside++;
  }
  return inside / (samples * samples);
}

/** Mean and variance of the sum of eight bytes. */
const byteSum = { mean: 8 * 127.5, deviation: Math.sqrt((8 * (256 * 256 - 1)) / 12) };

/**
 * Nearly standard normal numbers: sums of eight random bytes, within ±4.9. A picture takes thousands, so they come from
 * a generator of one word of state (a Weyl sequence and the finaliser of MurmurHash3) and not from Philox.
 */
function normalSource(seed: number): () => number {
  let state = seed | 0;
  const bytes = () => {
    state = (state + 0x9e3779b9) | 0;
    const word = mix(state);
    return (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
  };
  return () => (bytes() + bytes() - byteSum.mean) / byteSum.deviation;
}

/** The finaliser of MurmurHash3 (Appleby): a bijection of words in which each bit depends on all. Unsigned. */
export function mix(word: number): number {
  let hash = word;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
