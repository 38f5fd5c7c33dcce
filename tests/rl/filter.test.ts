import { expect, test } from "vitest";
import { filteredValue, filterGroup } from "../../src/rl/filter.ts";

const defaults = { filterKey: "overall", filterLow: 0.01, filterHigh: 0.99 };
const group = (values: (number | null)[], parts: Record<string, number> = {}) =>
  values.map((value) => ({ value, parts }));

test.each([
  [[0, 0, 0, 0], "low"],
  [[1, 1, 1, 1], "high"],
  [[1, 0, 0, 0], "kept"],
  [[0.01, 0.01], "low"], // strictly
  [[0.99, 0.99], "high"],
  [[null, 1, 0], "kept"],
  [[null, 1, NaN], "high"],
  [[null, null], "none"],
  [[], "none"],
] as const)("%j is %s", (values, verdict) => {
  expect(filterGroup(group([...values]), defaults)).toBe(verdict);
});

test("all wrong but well formed passes by the reward, and not by its accuracy", () => {
  const wrong = group([0.3, 0.3, 0.3], { accuracy: 0, format: 1 });
  expect(filterGroup(wrong, defaults)).toBe("kept");
  expect(filterGroup(wrong, { ...defaults, filterKey: "accuracy" })).toBe("low");
});

test("completions without the part are left out; a group without any is dropped", () => {
  const mixed = [...group([1], { accuracy: 1 }), ...group([0], {}), ...group([null], { accuracy: 0 })];
  const key = { ...defaults, filterKey: "accuracy" };
  expect(filterGroup(mixed, key)).toBe("high");
  expect(filterGroup(group([1, 0]), key)).toBe("none");
  expect(filteredValue({ value: 1, parts: {} }, "toString")).toBeNull();
});
