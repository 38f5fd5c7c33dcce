import { expect, test } from "vitest";
import { parse } from "yaml";
import { parseSynthesisConfig, synthesisStages } from "thinktab/engine";
import { toyRecords } from "../../docs/guide/examples/synthesise.ts";
import { readText } from "../support/tree.ts";
import { printed } from "./examples/support.ts";

test("the example makes records of toy scenes and says what became of each", async () => {
  const { result: records, lines } = await printed(toyRecords);
  expect(records.length).toBeGreaterThan(6);
  expect(records[0]).toMatchObject({ image_path: "scene-0000.png", abilities: ["reasoning", "rec", "math"] });
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^scene-0000\.png: \d kept, dropped: no-reasoning$/);
});

test("the page's configuration is one, and its table has every stage", () => {
  const config = parseSynthesisConfig(parse(readText("docs/guide/examples/synthesis.yaml")));
  expect(config.models.imageAnswerer).toEqual(config.models.describer);
  const page = readText("docs/guide/synthesise.md");
  for (const stage of synthesisStages) expect(page).toMatch(new RegExp(`^\\|.*\`${stage}\``, "m"));
});
