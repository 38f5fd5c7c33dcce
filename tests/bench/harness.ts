import type { Limits } from "./limits.ts";

/** Something ready to be timed: it has run once, its result can be read. */
export interface Contender {
  /** Runs once and waits until the GPU is done. Reads nothing back unless the benchmark says so. */
  run(): Promise<void>;
  /** The result of the runs so far, flattened, for the comparison that comes before the timing. */
  read(): Promise<Float32Array>;
  dispose(): void;
}

/** Makes a contender: everything from host arrays to a runnable thing, but for what the benchmark calls setup. */
export type Entry = () => Promise<Contender>;

/** One row of the table. */
export interface Benchmark {
  name: string;
  /** What one run is, and what is inside the clock. */
  what: string;
  /** Floating-point operations that the mathematics asks for in one run; sets the floor given by the FMA peak. */
  flops: number;
  /** Bytes that have to be read or written at least once in one run; sets the floor given by the copy bandwidth. */
  bytes: number;
  /** Tokens of one run, where tokens per second is the figure people compare. */
  tokens?: number;
  ours: Entry;
  peers: Partial<Record<PeerName, Entry>>;
  /** Why a peer is not listed under `peers`. */
  noPeer?: Partial<Record<PeerName, string>>;
  /**
   * The right answer in float64, where it can be had in seconds: then everybody is held to it, peers as well. Without
   * it ours is held to the peers.
   */
  expected?: () => Float64Array;
  /** Largest difference allowed, relative to the largest magnitude of what is compared with. */
  tolerance: number;
}

/** The peers measured, in the order of the table's columns. */
export const peerNames = ["jax-js", "onnxruntime-web"] as const;
export type PeerName = (typeof peerNames)[number];

/** Timing of one contender. */
export interface Timing {
  /** Median of the warm runs. */
  ms: number;
  minMs: number;
  maxMs: number;
  /** From host arrays to the first result on the GPU: building, compiling, uploading, one run. */
  firstRunMs: number;
  repetitions: number;
}

/** One benchmark's outcome. `peers` holds medians; what went wrong stands in `errors`. */
export interface Result {
  name: string;
  what: string;
  oursMs: number | null;
  peers: Partial<Record<PeerName, number>>;
  /** Best peer's median over ours: above 1 we are faster. Null without a peer or without ours. */
  speedupOverBestPeer: number | null;
  /** The limit's floor for this work over our median: 1 would be the adapter's own limit. */
  fractionOfLimit: number | null;
  oursTokensPerSecond?: number;
  flops: number;
  bytes: number;
  timings: Partial<Record<PeerName | "ours", Timing>>;
  /** Each peer's median over ours. */
  speedups: Partial<Record<PeerName, number>>;
  /** Largest difference, relative to the largest magnitude: of each to float64's answer, or of each peer to ours. */
  differences: Partial<Record<PeerName | "ours", number>>;
  errors: Partial<Record<PeerName | "ours", string>>;
  noPeer: Partial<Record<PeerName, string>>;
}

export interface RunOptions {
  limits: Limits;
  peers: boolean;
  /** Rounds go on until this much time has been spent per contender, within `rounds`. */
  budgetMs: number;
  rounds: { least: number; most: number };
  progress: (line: string) => void;
}

interface Racer {
  name: PeerName | "ours";
  contender: Contender;
  firstRunMs: number;
  samples: number[];
}

/**
 * Prepares ours and the peers, compares their results, then times them in alternating rounds so that other load on the
 * machine falls on all of them alike.
 */
export async function runBenchmark(benchmark: Benchmark, options: RunOptions): Promise<Result> {
  const result: Result = {
    name: benchmark.name,
    what: benchmark.what,
    oursMs: null,
    peers: {},
    speedupOverBestPeer: null,
    fractionOfLimit: null,
    flops: benchmark.flops,
    bytes: benchmark.bytes,
    timings: {},
    speedups: {},
    differences: {},
    errors: {},
    noPeer: { ...benchmark.noPeer },
  };
  const racers: Racer[] = [];
  try {
    await enter(benchmark, result, racers, options);
    await compare(benchmark, result, racers);
    await race(racers, options, benchmark.name);
    score(benchmark, result, racers, options.limits);
  } finally {
    for (const { contender } of racers) contender.dispose();
  }
  return result;
}

async function enter(
  benchmark: Benchmark,
  result: Result,
  racers: Racer[],
  options: RunOptions,
): Promise<void> {
  const entries: [PeerName | "ours", Entry | undefined][] = [["ours", benchmark.ours]];
  if (options.peers) for (const name of peerNames) entries.push([name, benchmark.peers[name]]);
  for (const [name, entry] of entries) {
    if (!entry) continue;
    options.progress(`${benchmark.name}: preparing ${name}`);
    try {
      const begin = performance.now();
      const contender = await entry();
      await contender.run();
      racers.push({ name, contender, firstRunMs: performance.now() - begin, samples: [] });
    } catch (error) {
      result.errors[name] = describe(error);
      options.progress(`${benchmark.name}: ${name} failed: ${describe(error)}`);
    }
  }
}

/** A wrong result is an error, and who is wrong is not timed. */
async function compare(benchmark: Benchmark, result: Result, racers: Racer[]): Promise<void> {
  const outputs = new Map<Racer["name"], Float32Array>();
  for (const { name, contender } of racers) outputs.set(name, await contender.read());
  const { tolerance } = benchmark;
  if (benchmark.expected) {
    const expected = benchmark.expected();
    for (const [name, output] of outputs) {
      const difference = (result.differences[name] = relativeDifference(output, expected));
      if (!(difference <= tolerance)) {
        result.errors[name] =
          `wrong result: off by ${show(difference)} of the largest magnitude, expected ${tolerance}`;
      }
    }
  } else {
    const own = outputs.get("ours");
    for (const [name, output] of outputs) {
      if (name === "ours" || !own) continue;
      const difference = (result.differences[name] = relativeDifference(own, output));
      if (!(difference <= tolerance)) {
        result.errors.ours = `differs from ${name} by ${show(difference)} of its largest magnitude, expected ${tolerance}`;
      }
    }
  }
  for (const racer of [...racers]) {
    if (result.errors[racer.name] === undefined) continue;
    racers.splice(racers.indexOf(racer), 1);
    racer.contender.dispose();
  }
}

async function race(
  racers: Racer[],
  { budgetMs, rounds, progress }: RunOptions,
  name: string,
): Promise<void> {
  for (const racer of racers) await racer.contender.run(); // caches and pools are warm from here on
  for (let round = 0; round < rounds.most; round++) {
    const waiting = racers.filter(({ samples }) => round < rounds.least || total(samples) < budgetMs);
    if (waiting.length === 0) break;
    // Who begins changes from round to round: nobody always runs in the wake of the same other.
    for (let i = 0; i < waiting.length; i++) {
      const { contender, samples } = waiting[(i + round) % waiting.length];
      const begin = performance.now();
      await contender.run();
      samples.push(performance.now() - begin);
    }
    if (round === 0) {
      progress(
        `${name}: ${racers.map((racer) => `${racer.name} ${racer.samples[0].toFixed(1)} ms`).join(", ")}`,
      );
    }
  }
}

function score(benchmark: Benchmark, result: Result, racers: Racer[], limits: Limits): void {
  for (const { name, samples, firstRunMs } of racers) {
    const ms = median(samples);
    const timing = { ms, minMs: Math.min(...samples), maxMs: Math.max(...samples), firstRunMs };
    result.timings[name] = { ...timing, repetitions: samples.length };
    if (name !== "ours") result.peers[name] = ms;
    else result.oursMs = ms;
  }
  if (result.oursMs === null) return;
  for (const name of peerNames) {
    const ms = result.peers[name];
    if (ms !== undefined) result.speedups[name] = ms / result.oursMs;
  }
  const best = Math.min(...Object.values(result.peers));
  if (Number.isFinite(best)) result.speedupOverBestPeer = best / result.oursMs;
  result.fractionOfLimit = fractionOfLimit(result, limits);
  if (benchmark.tokens !== undefined) result.oursTokensPerSecond = benchmark.tokens / (result.oursMs / 1e3);
}

/** The least time that the adapter's limits leave for the work, over our median; null where ours was not timed. */
export function fractionOfLimit({ flops, bytes, oursMs }: Result, limits: Limits): number | null {
  if (oursMs === null) return null;
  return Math.max(flops / limits.fmaGflops, bytes / limits.copyGBps) / 1e6 / oursMs;
}

/** max |a − b| / max |b|, or infinity where lengths differ or something is not a number. */
export function relativeDifference(a: Float32Array, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < a.length; i++) {
    const apart = Math.abs(a[i] - b[i]);
    if (!Number.isFinite(apart)) return Infinity;
    difference = Math.max(difference, apart);
    magnitude = Math.max(magnitude, Math.abs(b[i]));
  }
  return difference === 0 ? 0 : difference / magnitude;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Several results as one, in order. */
export function concatenate(parts: readonly ArrayLike<number>[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Deterministic values of unit variance, uniform: the same numbers for ours and the peers. */
export function uniforms(count: number, seed: number, scale = 1): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  let state = (seed * 0x9e3779b9 + 0x85ebca6b) >>> 0;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' linear congruential generator
    values[i] = (state / 2 ** 31 - 1) * Math.sqrt(3) * scale;
  }
  return values;
}

function show(difference: number): string {
  return Number.isFinite(difference) ? difference.toExponential(1) : String(difference);
}

function total(samples: number[]): number {
  return samples.reduce((sum, ms) => sum + ms, 0);
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}`.split("\n")[0] : String(error);
}
