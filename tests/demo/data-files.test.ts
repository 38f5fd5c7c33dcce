import { expect, test } from "vitest";
import { sortFiles } from "../../demo/data/files.ts";

const names = (files: readonly File[]) => files.map(({ name }) => name);
const file = (name: string) => new File([""], name);

test("tells a data set from its images by their endings", () => {
  const { data, images } = sortFiles(
    ["set.JSONL", "a.png", "b.JPEG", "README.md", "image.zip.part-aa", "image.zip", "rows.parquet"].map(file),
  );
  expect(names(data)).toEqual(["set.JSONL", "rows.parquet"]);
  expect(names(images)).toEqual(["a.png", "b.JPEG", "image.zip.part-aa", "image.zip"]);
});
