import { expect, test } from "vitest";
import { chosenFiles, sortFiles } from "../../demo/data/files.ts";

const names = (files: readonly File[]) => files.map(({ name }) => name);
const file = (name: string) => new File([""], name);

test("tells a data set from its images by their endings", () => {
  const { data, images } = sortFiles(
    ["set.JSONL", "a.png", "b.JPEG", "README.md", "image.zip.part-aa", "image.zip", "rows.parquet"].map(file),
  );
  expect(names(data)).toEqual(["set.JSONL", "rows.parquet"]);
  expect(names(images)).toEqual(["a.png", "b.JPEG", "image.zip.part-aa", "image.zip"]);
});

test("of a folder of images only the images are taken; several data sets and nothing of use are refused", () => {
  const files = ["a.png", "set.tsv", "set.jsonl"].map(file);
  expect(names(chosenFiles(files, "images").images ?? [])).toEqual(["a.png"]);
  expect(chosenFiles(files, "images")).not.toHaveProperty("data");
  expect(chosenFiles([file("set.jsonl")])).toMatchObject({ data: { name: "set.jsonl" } });
  expect(chosenFiles([file("set.jsonl")])).not.toHaveProperty("images");
  expect(() => chosenFiles(files)).toThrow(/set\.tsv, set\.jsonl/);
  expect(() => chosenFiles([file("README.md")])).toThrow(/README\.md/);
  expect(() => chosenFiles([file("set.jsonl")], "images")).toThrow(/images: PNG/);
});
