import { expect, test } from "vitest";
import { ignoredTarget, logprobBackward, logprobForward } from "../../src/reference/logprob.ts";
import { checkGradient } from "../support/gradient.ts";
import { normals } from "../support/random.ts";

const [T, C, V] = [4, 5, 9];
const shape = {
  T,
  C,
  V,
  targets: Uint32Array.of(0, 8, ignoredTarget, 3),
  temperature: 0.7,
  banned: new Set([2, 7]),
};
const inputs = { x: normals(T * C, 1), head: normals(V * C, 2) };

test("probabilities of all allowed targets sum to one; entropy is theirs", () => {
  const one = { ...inputs, ...shape, T: 1, x: inputs.x.slice(0, C) };
  const logps = [0, 1, 3, 4, 5, 6, 8].map(
    (v) => logprobForward({ ...one, targets: Uint32Array.of(v) }).logp[0],
  );
  expect(logps.reduce((sum, logp) => sum + Math.exp(logp), 0)).toBeCloseTo(1, 12);
  const entropy = -logps.reduce((sum, logp) => sum + Math.exp(logp) * logp, 0);
  expect(logprobForward({ ...one, targets: Uint32Array.of(0) }).entropy[0]).toBeCloseTo(entropy, 12);
});

test("an ignored row is zero", () => {
  const { logp, entropy, lse } = logprobForward({ ...inputs, ...shape });
  expect([logp[2], entropy[2], lse[2]]).toEqual([0, 0, 0]);
});

test("the backward of log-prob and entropy is their derivative", () => {
  checkGradient(
    "logprob",
    inputs,
    ({ x, head }) => {
      const { logp, entropy } = logprobForward({ x, head, ...shape });
      return Float64Array.from([...logp, ...entropy]);
    },
    ({ x, head }, dy) => {
      const upstream = { dlogp: dy.slice(0, T), dentropy: dy.slice(T) };
      const { dx, dhead } = logprobBackward({ x, head, ...shape }, upstream);
      return { x: dx, head: dhead };
    },
  );
});
