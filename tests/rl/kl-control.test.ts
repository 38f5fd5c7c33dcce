import { expect, test } from "vitest";
import { adaptKlCoef } from "../../src/rl/kl-control.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

test("EasyR1's value: 0.01 at a KL of 0.3 over 512 completions", () => {
  expect(adaptKlCoef(0.01, { kl: 0.3, samples: 512 })).toBeCloseTo(0.0101024, 12);
});

test("it follows the KL, and a step changes it by a fifth of its share at most", () => {
  expect(adaptKlCoef(1, { kl: 0.1, samples: 100 })).toBe(1);
  expect(adaptKlCoef(1, { kl: 0, samples: 1000 })).toBeCloseTo(1 - 0.02, 12);
  expect(adaptKlCoef(1, { kl: 0.11, samples: 1000 })).toBeCloseTo(1 + 0.01, 12);
  expect(adaptKlCoef(2, { kl: 9, samples: 50, target: 3, horizon: 100 })).toBeCloseTo(2.2, 12);
});

test("a KL that is not a number changes nothing; targets and horizons are positive", () => {
  expect(adaptKlCoef(0.5, { kl: NaN, samples: 8 })).toBe(0.5);
  expect(() => adaptKlCoef(1, { kl: 1, samples: 1, target: 0 })).toThrow(InvalidOptionError);
  expect(() => adaptKlCoef(1, { kl: 1, samples: 1, horizon: 0 })).toThrow(InvalidOptionError);
});
