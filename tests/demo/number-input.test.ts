import { expect, test } from "vitest";
import { shownNumber } from "../../demo/components/number-input.tsx";

test.each([
  ["what is typed on the way to another number", 0, "0.000", "0.000"],
  ["another way of writing it", 0.001, "1e-3", "1e-3"],
  ["nothing typed yet", 0.0005, "", "0.0005"],
  ["a number that was set elsewhere since", 40, "7", "40"],
  ["a field that was emptied", NaN, "", ""],
  ["what is no number", NaN, "7", ""],
])("a field shows %s", (_, value, typed, shown) => {
  expect(shownNumber(value, typed)).toBe(shown);
});
