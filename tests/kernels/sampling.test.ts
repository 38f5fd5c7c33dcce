import { describe, expect, test } from "vitest";
import { defineKernel } from "../../src/gpu/kernel.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { bannedMask, emitMarkSeen, emitSample } from "../../src/kernels/sampling.ts";
import type { SampleParams } from "../../src/kernels/sampling.ts";
import { sampleForward } from "../../src/reference/sampling.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { seedFrom, uniformAt } from "../../src/util/rng.ts";
import rng from "../../shaders/lib/rng.wgsl?raw";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";
import { once } from "../support/once.ts";
import { integers, normals } from "../support/random.ts";
import { tolerance } from "../support/tolerance.ts";

const seed = seedFrom(0x1234_5678_9abc_def0n);
type Numbers = Partial<Record<keyof SampleParams, number>>;

interface Case {
  logits: Float32Array;
  B: number;
  V: number;
  banned?: number[];
  /** Tokens seen, by row of the batch. */
  seen?: number[][];
  slot?: Uint32Array;
  params?: Numbers;
}

const sequences = (B: number) => Uint32Array.from({ length: B }, (_, b) => 1000 + 7 * b);
const positions = (B: number) => Uint32Array.from({ length: B }, (_, b) => (b * 13) % 50);

async function sample({ logits, B, V, banned = [], seen, slot, params = {} }: Case) {
  const W = Math.ceil(V / 32);
  const names = ["temperature", "topK", "topP", "minP", "repetitionPenalty"] as const;
  const seenTokens = Math.max(1, ...(seen ?? []).map((row) => row.length));
  const padded = Uint32Array.from(
    (seen ?? []).flatMap((row) => [...row, ...new Array<number>(seenTokens - row.length).fill(0xffffffff)]),
  );
  const results = await once(
    await sharedDevice(),
    (rec) => {
      const token = rec.tensor("token", [B], "u32");
      const logp = rec.tensor("logp", [B], "f32");
      let marks: Tensor | undefined;
      let slots: Tensor | undefined;
      if (seen) {
        marks = rec.tensor("seen", [B + 3, W], "u32");
        rec.zero(marks);
        slots = slot && rec.input("slot", [B], "u32");
        emitMarkSeen(rec, { token: rec.input("tokens", [B, seenTokens], "u32"), seen: marks, slot: slots });
      }
      emitSample(rec, {
        logits: rec.input("logits", [B, V], "f32"),
        token,
        logp,
        sequence: rec.input("sequence", [B], "u32"),
        position: rec.input("position", [B], "u32"),
        banned: rec.input("banned", [W], "u32"),
        seen: marks,
        slot: slots,
        seedLo: rec.scalar("seedLo"),
        seedHi: rec.scalar("seedHi"),
        ...Object.fromEntries(
          names.filter((name) => params[name] !== undefined).map((name) => [name, rec.scalar(name)]),
        ),
      });
      return { token, logp };
    },
    {
      logits,
      sequence: sequences(B),
      position: positions(B),
      banned: bannedMask(V, banned),
      ...(seen && { tokens: padded }),
      ...(seen && slot && { slot }),
    },
    { seedLo: seed.lo, seedHi: seed.hi, ...params },
  );
  return { token: results.token, logp: results.logp };
}

/** Every token equals the twin's, but where the twin says that the decision hung on rounding; log-probs agree. */
async function expectTwin(given: Case, nearMost = 0.02): Promise<Uint32Array> {
  const { logits, B, V, banned, seen, params = {} } = given;
  const actual = await sample(given);
  const logps: number[] = [];
  let near = 0;
  for (let b = 0; b < B; b++) {
    const row = logits.subarray(b * V, (b + 1) * V);
    const rest = { banned: new Set(banned), seen: new Set(seen?.[b]) };
    const inputs = {
      logits: row,
      seed,
      sequence: sequences(B)[b],
      position: positions(B)[b],
      temperature: 1,
      ...params,
      ...rest,
    };
    const twin = sampleForward(inputs);
    if (actual.token[b] !== twin.token) {
      if (twin.margin > 2e-5) {
        throw new Error(
          `row ${b}: got token ${actual.token[b]}, the twin drew ${twin.token} with margin ${twin.margin}`,
        );
      }
      near++;
      logps.push(actual.logp[b]);
    } else logps.push(twin.logp);
  }
  expect(near).toBeLessThanOrEqual(Math.ceil(B * nearMost));
  expectClose(actual.logp, logps, tolerance("f32", 64), "logp");
  return actual.token as Uint32Array;
}

describe("the RNG in WGSL", () => {
  test("is bit for bit the one in TypeScript", async () => {
    const kernel = defineKernel({
      name: "rng-test",
      wgsl: [
        rng,
        `struct Params { N: u32, lo: u32, hi: u32 }
         @group(0) @binding(0) var<storage, read_write> u: array<f32>;
         @group(1) @binding(0) var<uniform> params: Params;
         @compute @workgroup_size(64)
         fn main(@builtin(global_invocation_id) id: vec3u) {
           if (id.x < params.N) { u[id.x] = uniform_at(vec2u(params.lo, params.hi), id.x * 2654435761u, id.x / 3u, id.x % 5u); }
         }`,
      ],
      entry: "main",
      tensors: { u: ["N"] },
      workgroups: ({ N }) => Math.ceil(N / 64),
    });
    const N = 5000;
    const { u } = await once(await sharedDevice(), (rec) => {
      const tensor = rec.tensor("u", [N], "f32");
      rec.run(kernel, { u: tensor }, { lo: seed.lo, hi: seed.hi });
      return { u: tensor };
    });
    const expected = Array.from({ length: N }, (_, i) =>
      uniformAt(seed, Math.imul(i, 2654435761) >>> 0, Math.floor(i / 3), i % 5),
    );
    expect([...u]).toEqual(expected);
  });
});

describe("sampling", () => {
  const settings: [string, Numbers][] = [
    ["plain", {}],
    ["hot", { temperature: 1.7 }],
    ["cold", { temperature: 0.3 }],
    ["greedy", { temperature: 0 }],
    ["top-k 1", { topK: 1 }],
    ["top-k 40", { topK: 40, temperature: 1.3 }],
    ["top-k beyond V", { topK: 100_000 }],
    ["top-p", { topP: 0.8 }],
    ["top-p 0", { topP: 0 }],
    ["min-p", { minP: 0.05, temperature: 1.5 }],
    ["all", { temperature: 1.2, topK: 50, topP: 0.9, minP: 0.02, repetitionPenalty: 1.3 }],
    ["penalty below 1", { repetitionPenalty: 0.7, topP: 0.95 }],
  ];
  test.each(settings)("%s: many rows draw the twin's tokens", async (_, params) => {
    const [B, V] = [96, 777];
    const logits = Float32Array.from(normals(B * V, 21, 2));
    const seen = Array.from({ length: B }, (_, b) => [...integers(b % 9, V, b)]);
    await expectTwin({ logits, B, V, seen, banned: [0, 31, 32, 500, 776], params });
  });

  test.each([1, 2, 31, 33, 255, 256, 257, 1031])("V = %d", async (V) => {
    const B = 40;
    const logits = Float32Array.from(normals(B * V, V, 3));
    await expectTwin({ logits, B, V, params: { topK: 20, topP: 0.95 } });
    await expectTwin({ logits, B, V, params: { temperature: 0 } });
  });

  test("a vocabulary of 151,936", async () => {
    const [B, V] = [2, 151_936];
    const logits = Float32Array.from(normals(B * V, 77, 2.5));
    await expectTwin({ logits, B, V, params: { topP: 0.9 } }, 0.5);
    await expectTwin({ logits, B, V, params: { topK: 200, minP: 0.01 } }, 0.5);
  });

  test("ties: greedy takes the lowest index, top-k and top-p keep all of them", async () => {
    const [B, V] = [100, 300];
    const logits = new Float32Array(B * V).fill(-20);
    for (let b = 0; b < B; b++) for (const v of [7, 100, 263, 299]) logits[b * V + v] = 5;
    const greedy = await sample({ logits, B, V, params: { temperature: 0 } });
    expect(new Set(greedy.token)).toEqual(new Set([7]));
    for (const params of [{ topK: 2 }, { topP: 0.1 }]) {
      const drawn = await expectTwin({ logits, B, V, params });
      expect(new Set(drawn)).toEqual(new Set([7, 100, 263, 299]));
    }
  });

  test("the penalty reads each row's slot", async () => {
    const [B, V] = [3, 64];
    const logits = new Float32Array(B * V);
    for (let b = 0; b < B; b++) [logits[b * V + 10], logits[b * V + 20]] = [4, 3];
    const params = { temperature: 0, repetitionPenalty: 2 };
    const seen = [[10], [], [20]];
    expect([...(await expectTwin({ logits, B, V, seen, params }))]).toEqual([20, 10, 10]);
    expect([...(await expectTwin({ logits, B, V, seen, slot: Uint32Array.of(5, 0, 2), params }))]).toEqual([
      20, 10, 10,
    ]);
  });

  test("frequencies over 2,048 rows are the softmax", async () => {
    const [B, V] = [2048, 6];
    const row = [1.5, 0, -1, 0.5, 2, -0.5];
    const { token } = await sample({
      logits: Float32Array.from({ length: B * V }, (_, i) => row[i % V]),
      B,
      V,
    });
    const total = row.reduce((sum, z) => sum + Math.exp(z), 0);
    row.forEach((z, v) => {
      const p = Math.exp(z) / total;
      const share = token.filter((drawn) => drawn === v).length / B;
      expect(Math.abs(share - p)).toBeLessThan(4.5 * Math.sqrt((p * (1 - p)) / B));
    });
  });

  test("nothing to draw: all banned, NaN or +∞ give no token; −∞ is never drawn", async () => {
    const V = 40;
    const everything = Array.from({ length: V }, (_, v) => v);
    const plain = new Float32Array(V).fill(1);
    for (const [logits, banned] of [
      [plain, everything],
      [plain.map((z, v) => (v === 33 ? NaN : z)), []],
      [plain.map((z, v) => (v === 33 ? Infinity : z)), []],
      [plain.map(() => -Infinity), []],
    ] as [Float32Array, number[]][]) {
      for (const params of [{}, { temperature: 0 }, { topK: 3, topP: 0.5 }]) {
        const { token, logp } = await sample({ logits, B: 1, V, banned, params });
        expect(token[0]).toBe(0xffffffff);
        expect(logp[0]).toBeNaN();
      }
    }
    const onlyTwo = plain.map((z, v) => (v === 2 ? z : -Infinity));
    const { token, logp } = await sample({ logits: onlyTwo, B: 1, V });
    expect([token[0], logp[0]]).toEqual([2, 0]);
    const poisonBanned = await sample({
      logits: onlyTwo.map((z, v) => (v === 3 ? NaN : z)),
      B: 1,
      V,
      banned: [3],
    });
    expect(poisonBanned.token[0]).toBe(2);
  });

  test("bannedMask refuses what is not in the vocabulary", () => {
    expect([...bannedMask(40, [0, 31, 39])]).toEqual([0x80000001, 0x80]);
    for (const token of [40, -1, 0.5]) expect(() => bannedMask(40, [token])).toThrow(InvalidOptionError);
  });
});
