import { windowShards } from "../gpu/device.ts";
import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Sizes } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity, shards } from "../gpu/tensor.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import { emitMatmul, emitMatmulBackwardW, emitMatmulBackwardX } from "./matmul.ts";
import type { Weight } from "./weight.ts";
import { InvalidOptionError, ShapeError } from "../util/errors.ts";
import { isWide } from "./adapter.ts";
import logprobState from "../../shaders/lib/logprob-state.wgsl?raw";
import source from "../../shaders/logprob.wgsl?raw";
import rowsSource from "../../shaders/logprob-rows.wgsl?raw";

const wgsl = [logprobState, source];
const variants = [{ LANES: 64 }, { LANES: 128 }, { LANES: 256 }].map((constants) => ({ constants }));
const choose = ({ N }: Sizes) => (N < 512 ? 0 : N < 4096 ? 1 : 2);

/** Folds the logits z [T, N] of vocabulary entries begin … begin + N − 1 into state [T, 4]. See shaders/logprob.wgsl. */
export const logprobUpdate = defineKernel({
  name: "logprob",
  wgsl,
  entry: "update",
  tensors: { z: ["T", "N"], targets: ["T"], banned: ["W"], state: ["T", 4] },
  optional: ["banned"],
  workgroups: ({ T }, { ROWS_PER_GROUP = 1 }) => rows(Math.ceil(T / Number(ROWS_PER_GROUP))),
  // A workgroup per row, or, last, a lane per row.
  variants: [...variants, { constants: { ROWS_PER_GROUP: 8 }, wgsl: [logprobState, rowsSource] }],
  choose: (sizes) => (sizes.WIDE === 0 ? variants.length : choose(sizes)),
});

/** logp, entropy and lse [T] from the state over the whole vocabulary. */
export const logprobFinish = defineKernel({
  name: "logprob",
  wgsl,
  entry: "finish",
  tensors: { targets: ["T"], state: ["T", 4], logp: ["T"], entropy: ["T"], lse: ["T"] },
  workgroups: ({ T }) => rows(Math.ceil(T / 64)),
});

/** Turns logits z [T, N] into their gradient, in place. */
export const logprobBackward = defineKernel({
  name: "logprob",
  wgsl,
  entry: "backward",
  tensors: {
    z: ["T", "N"],
    targets: ["T"],
    banned: ["W"],
    row_lse: ["T"],
    row_entropy: ["T"],
    dlogp: ["T"],
    dentropy: ["T"],
  },
  optional: ["banned", "row_entropy", "dentropy"],
  workgroups: ({ T }) => rows(T),
  variants,
  choose,
});

/** A target that leaves its row out. */
export const ignoredTarget = 0xffffffff;

interface HeadInputs {
  /** [T, C], after the final norm. */
  x: Tensor;
  /** [V, C] in any format. */
  head: Weight;
  /** u32 [T]; {@link ignoredTarget}: a row of zeros. */
  targets: Tensor;
  /** Logits are divided by it, as in sampling. Default 1. */
  temperature?: ParamValue;
  /** u32 [⌈V/32⌉], bit v % 32 of word ⌊v/32⌋: entries outside the softmax, as in sampling. No target may be one. */
  banned?: Tensor;
  /** Vocabulary entries per chunk, a multiple of 64. Default: about 4 Mi logits at a time. */
  chunkRows?: number;
}

/**
 * Records logp, entropy and lse, all f32 [T], of `targets` under softmax(x · headᵀ / temperature). The vocabulary is
 * streamed: the only scratch is [T, chunk], never [T, V] (but for a vocabulary of at most 64 entries).
 */
export function emitLogprob(
  rec: Recorder,
  inputs: HeadInputs & { logp: Tensor; entropy: Tensor; lse: Tensor },
): void {
  const { x, head, targets, banned, logp, entropy, lse, temperature = 1 } = inputs;
  const state = rec.tensor("logprob state", [x.shape[0], 4], "f32");
  const params = { has_banned: banned ? 1 : 0, has_dentropy: 0, temperature, WIDE: isWide(rec) };
  headChunks(inputs).forEach(({ begin, count }, index) => {
    const z = rec.tensor("logits chunk", [x.shape[0], count], "f32");
    emitMatmul(rec, { x, w: headRows(head, begin, count), y: z });
    rec.run(logprobUpdate, { z, targets, banned, state }, { ...params, begin, first: index === 0 ? 1 : 0 });
  });
  rec.run(logprobFinish, { targets, state, logp, entropy, lse }, { ...params, N: 0, begin: 0, first: 0 });
}

export interface LogprobBackwardTensors {
  /** f32 [T] from the forward. */
  lse: Tensor;
  /** f32 [T] dL/dlogp. */
  dlogp: Tensor;
  /** f32 [T] dL/dentropy; needs `entropy`. */
  dentropy?: Tensor;
  /** f32 [T] from the forward. */
  entropy?: Tensor;
  /** [T, C], overwritten. */
  dx: Tensor;
  /** f32 [V, C], added to; absent: the head is frozen. */
  dhead?: Tensor;
}

/**
 * Records dx, and adds to dhead where one is given. Logits are computed again chunk by chunk.
 * @throws ShapeError when `dentropy` comes without `entropy`.
 */
export function emitLogprobBackward(rec: Recorder, inputs: HeadInputs & LogprobBackwardTensors): void {
  const { x, head, targets, banned, lse, entropy, dlogp, dentropy, dx, dhead, temperature = 1 } = inputs;
  if (dentropy && !entropy)
    throw new ShapeError("emitLogprobBackward: entropy", "nothing", "the forward's, with dentropy");
  const params = { has_banned: banned ? 1 : 0, has_dentropy: dentropy ? 1 : 0, temperature };
  headChunks(inputs).forEach(({ begin, count }, index) => {
    const w = headRows(head, begin, count);
    const z = rec.tensor("logits chunk", [x.shape[0], count], "f32");
    emitMatmul(rec, { x, w, y: z });
    rec.run(
      logprobBackward,
      { z, targets, banned, row_lse: lse, row_entropy: dentropy && entropy, dlogp, dentropy },
      { ...params, begin, first: 0 },
    );
    emitMatmulBackwardX(rec, { dy: z, w, dx, accumulate: index > 0 });
    if (dhead) {
      const [{ tensor: dw }] = windowShards(dhead, begin, count); // one: chunks keep within the shards of dhead
      emitMatmulBackwardW(rec, { dy: z, x, dw, accumulate: true });
    }
  });
}

/** Rows of the head as a weight of its own; they are in one buffer of data and one of scales. */
function headRows(head: Weight, begin: number, count: number): Weight {
  const [data] = windowShards(head.data, begin, count);
  const scales = head.scales && windowShards(head.scales, begin, count)[0].tensor;
  return { ...head, N: count, data: data.tensor, scales };
}

interface Chunk {
  begin: number;
  count: number;
}

/** Logits held at a time by default: 16 MiB. */
const defaultChunkElements = 2 ** 22;

/**
 * Ranges of vocabulary rows that lie within one shard of everything sharded, begin at multiples of 64 rows of it, and
 * never are the whole vocabulary (unless that is 64 rows or fewer).
 */
function headChunks({ x, head, chunkRows, ...rest }: HeadInputs & { dhead?: Tensor }): Chunk[] {
  const V = head.N;
  if (chunkRows !== undefined && !(Number.isInteger(chunkRows) && chunkRows > 0 && chunkRows % 64 === 0)) {
    throw new InvalidOptionError("logprob: chunkRows", chunkRows, "a positive multiple of 64");
  }
  const byMemory = Math.max(512, Math.floor(defaultChunkElements / capacity(x.shape[0]) / 64) * 64);
  const half = Math.ceil(V / 2 / 64) * 64;
  const size = Math.min(chunkRows ?? Math.min(byMemory, 16_384), half);
  const borders = new Set([0, V]);
  for (const tensor of [head.data, head.scales, rest.dhead]) {
    if (tensor) for (const shard of shards(tensor)) borders.add(shard.begin);
  }
  const sorted = [...borders].sort((a, b) => a - b);
  const chunks: Chunk[] = [];
  for (let i = 0; i + 1 < sorted.length; i++) {
    for (let begin = sorted[i]; begin < sorted[i + 1]; begin += size) {
      chunks.push({ begin, count: Math.min(size, sorted[i + 1] - begin) });
    }
  }
  return chunks;
}
