import { expect, test } from "vitest";
import { keysOf, missingOfEndpoint } from "../../demo/components/endpoint-fields.tsx";

const endpoint = { baseUrl: "https://one.example/v1", model: "wise", key: "", takesImages: false };

test("says what an endpoint lacks", () => {
  expect(missingOfEndpoint(endpoint, "The judge")).toBe("");
  expect(missingOfEndpoint({ ...endpoint, baseUrl: " " }, "The judge")).toBe("The judge has no address yet.");
  for (const baseUrl of ["localhost:8000/v1", "file:///v1", "https://"])
    expect(missingOfEndpoint({ ...endpoint, baseUrl }, "The judge")).toContain("http://");
  expect(missingOfEndpoint({ ...endpoint, model: "" }, "The judge")).toBe("The judge has no name yet.");
});

test("two models at an address have keys of their own", () => {
  const keys = keysOf([
    { ...endpoint, key: "a" },
    { ...endpoint, model: "seer ", key: "b" },
    { ...endpoint, model: "open" },
  ]);
  expect([...keys]).toEqual([
    ["https://one.example/v1 wise", "a"],
    ["https://one.example/v1 seer", "b"],
  ]);
});
