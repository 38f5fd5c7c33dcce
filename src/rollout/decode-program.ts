import type { Device } from "../gpu/device.ts";
import type { Program, SlotPool } from "../gpu/program.ts";
import { Recorder } from "../gpu/recorder.ts";
import type { Dim, Tensor } from "../gpu/tensor.ts";
import { view } from "../gpu/tensor.ts";
import { segmentInputs } from "../kernels/attention.ts";
import type { SegmentInputs } from "../kernels/attention.ts";
import { emitScatterRows } from "../kernels/rows.ts";
import { emitMarkSeen, emitSample } from "../kernels/sampling.ts";
import type { TokenContext } from "../layers/layer.ts";
import { emitAngles } from "../models/decoder.ts";
import type { Model } from "../models/model.ts";
import type { KvCache } from "./kv-cache.ts";

/** Steps between two read-backs: stop checks, streaming and leaving the batch happen at this pace. */
export const stride = 8;

/** One decode step for up to B sequences, recorded once. */
export interface DecodeProgram {
  program: Program;
  B: Dim;
  tensors: DecodeTensors;
  positions: Tensor;
  cacheRows: Tensor;
  segments: SegmentInputs;
  /** Keys of the random draws: sequence number, and index of the token within its completion. */
  sequence: Tensor;
  draw: Tensor;
  /** Where row b's draw goes in the history, [step, row] flattened. */
  historyRows: Tensor;
  /** Row of {@link DecodeTensors.seen} of each row of the batch. */
  slot: Tensor | undefined;
}

/** What lives from one decode step to the next. Programs of one engine share it. */
export interface DecodeTensors {
  /** Last token of each row: written by the host when rows change, by the sampler otherwise. */
  token: Tensor;
  historyTokens: Tensor;
  historyLogps: Tensor;
  /** Bits of the tokens that are never drawn. */
  banned: Tensor;
  /** Bits of the tokens each slot has seen, for the repetition penalty. */
  seen: Tensor | undefined;
}

export function decodeTensors(
  device: Device,
  batch: number,
  vocabulary: number,
  penalty: boolean,
): DecodeTensors {
  const words = Math.ceil(vocabulary / 32);
  return {
    token: device.tensor("decode.token", [batch], "u32"),
    historyTokens: device.tensor("decode.historyTokens", [stride * batch, 1], "u32"),
    historyLogps: device.tensor("decode.historyLogps", [stride * batch, 1], "f32"),
    banned: device.tensor("decode.banned", [words], "u32"),
    seen: penalty ? device.tensor("decode.seen", [batch, words], "u32") : undefined,
  };
}

/** Records: embed the last tokens, run the blocks over the cache, sample, remember what was drawn. */
export async function recordDecode(
  model: Model,
  cache: KvCache,
  batch: number,
  tensors: DecodeTensors,
  { adapter, pool }: { adapter: boolean; pool?: SlotPool },
): Promise<DecodeProgram> {
  const { device, decoder } = model;
  const rec = new Recorder(device, "decode");
  const B = rec.dim("B", batch);
  const token: Tensor = { ...tensors.token, shape: [B] };
  const positions = rec.input("positions", [3, B], "i32");
  const cacheRows = rec.input("cacheRows", [B], "u32");
  const sequence = rec.input("sequence", [B], "u32");
  const draw = rec.input("draw", [B], "u32");
  const historyRows = rec.input("historyRows", [B], "u32");
  const segments = segmentInputs(rec, { queries: batch, keys: cache.rows, segments: batch });
  const slot = tensors.seen && rec.input("slot", [B], "u32");
  const context: TokenContext = {
    rope: emitAngles(rec, decoder.rope, positions),
    segments,
    adapter,
    cache: { mode: "decode", keys: cache.keys, values: cache.values, rows: cacheRows },
  };
  const { x } = decoder.forward(rec, decoder.embedding.forward(rec, token), context);
  const logits = decoder.head.logits(rec, x);
  const logp = rec.tensor("logp", [B], "f32");
  emitSample(rec, {
    logits,
    token,
    logp,
    sequence,
    position: draw,
    banned: tensors.banned,
    seen: tensors.seen,
    slot,
    seedLo: rec.scalar("seedLo"),
    seedHi: rec.scalar("seedHi"),
    temperature: rec.scalar("temperature"),
    topK: rec.scalar("topK"),
    topP: rec.scalar("topP"),
    minP: rec.scalar("minP"),
    repetitionPenalty: rec.scalar("repetitionPenalty"),
  });
  if (tensors.seen) emitMarkSeen(rec, { token, seen: tensors.seen, slot });
  emitScatterRows(rec, { src: view(token, [B, 1]), index: historyRows, y: tensors.historyTokens });
  emitScatterRows(rec, { src: view(logp, [B, 1]), index: historyRows, y: tensors.historyLogps });
  const program = await rec.build({ pool });
  return { program, B, tensors, positions, cacheRows, segments, sequence, draw, historyRows, slot };
}
