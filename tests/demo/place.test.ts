import { expect, test } from "vitest";
import { parsePlace, placeHash } from "../../demo/state/place.ts";

test.each([
  ["", "ask"],
  ["#", "ask"],
  ["#train", "train"],
  ["#nowhere", "ask"],
  ["#toString", "ask"],
])("the address %j is the tab %s", (hash, tab) => {
  expect(parsePlace(hash).tab).toBe(tab);
});

test("what goes with a tab survives its way through the address, question marks and hashes included", () => {
  const run = "https://example.org/runs/run.json?version=2#top";
  const hash = placeHash("compare", { run, note: "a & b = c" });
  const place = parsePlace(hash);
  expect(place.tab).toBe("compare");
  expect([...place.params]).toEqual([
    ["run", run],
    ["note", "a & b = c"],
  ]);
  expect(placeHash("device")).toBe("#device");
});
