import type { Device } from "../gpu/device.ts";
import { bannedMask, emitMarkSeen, emitSample } from "../kernels/sampling.ts";
import { sampleForward } from "../reference/sampling.ts";
import { seedFrom } from "../util/rng.ts";
import { integers, normals, runOnce, tolerance } from "./case.ts";
import type { Check, SelfTestCase } from "./case.ts";

interface Truncation {
  temperature: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
}

const ways: Record<string, Truncation> = {
  greedy: { temperature: 0 },
  plain: { temperature: 1 },
  "top-k": { temperature: 0.8, topK: 12 },
  "top-p": { temperature: 0.8, topP: 0.7 },
  "min-p": { temperature: 1.2, minP: 0.05 },
  "repetition penalty": { temperature: 1, repetitionPenalty: 1.4 },
};

export function samplingCases(): SelfTestCase[] {
  return Object.entries(ways).map(([part, way]) => ({
    kernel: "sampling",
    part,
    run: (device) => sampleCase(device, way),
  }));
}

/** Decisions nearer than this to a border may fall the other way when exponentials round otherwise. */
const nearest = 1e-4;

async function sampleCase(device: Device, way: Truncation): Promise<Check[]> {
  const [B, V] = [16, 333];
  const W = Math.ceil(V / 32);
  const seed = seedFrom(2026);
  const logits = normals(B * V, 1, "f32", 2);
  const banned = [0, 31, 200];
  const seen = integers(B * 4, V, 2);
  const sequence = Uint32Array.from({ length: B }, (_, b) => 3 * b);
  const position = Uint32Array.from({ length: B }, (_, b) => 40 + b);
  const got = await runOnce(
    device,
    (rec) => {
      const token = rec.tensor("token", [B], "u32");
      const logp = rec.tensor("logp", [B], "f32");
      const marks = rec.tensor("marks", [B, W], "u32");
      rec.zero(marks);
      emitMarkSeen(rec, { token: rec.input("seen", [B, 4], "u32"), seen: marks });
      emitSample(rec, {
        logits: rec.input("logits", [B, V], "f32"),
        token,
        logp,
        sequence: rec.input("sequence", [B], "u32"),
        position: rec.input("position", [B], "u32"),
        banned: rec.input("banned", [W], "u32"),
        seen: marks,
        seedLo: seed.lo,
        seedHi: seed.hi,
        ...way,
      });
      return { token, logp };
    },
    { logits, seen, sequence, position, banned: bannedMask(V, banned) },
  );
  const twins = Array.from({ length: B }, (_, b) =>
    sampleForward({
      logits: logits.subarray(b * V, (b + 1) * V),
      seed,
      sequence: sequence[b],
      position: position[b],
      ...way,
      banned: new Set(banned),
      seen: new Set(seen.subarray(4 * b, 4 * b + 4)),
    }),
  );
  const sure = twins.map((_, b) => b).filter((b) => twins[b].margin > nearest);
  return [
    {
      what: "token",
      actual: sure.map((b) => got.token[b]),
      expected: sure.map((b) => twins[b].token),
      tolerance: 0,
    },
    {
      what: "logp",
      actual: sure.map((b) => got.logp[b]),
      expected: sure.map((b) => twins[b].logp),
      tolerance: tolerance("f32", V, 4),
    },
  ];
}
