import { expect, test } from "vitest";
import { zipImages } from "../../src/data/images/zip-images.ts";
import { zipFiles, type HandoffFile } from "../../src/handoff/files.ts";
import { toYaml, withValue } from "../../src/handoff/yaml.ts";
import { memorySource } from "../../src/storage/source.ts";
import { parse } from "yaml";
import { Uint8ArrayReader, ZipReader } from "@zip.js/zip.js";

async function* pieces() {
  yield await Promise.resolve("one\n");
  yield "two ü\n";
}

async function archive(files: HandoffFile[]): Promise<Uint8Array> {
  async function* all() {
    for (const file of files) yield await Promise.resolve(file);
  }
  const parts: Uint8Array[] = [];
  for await (const part of zipFiles(all())) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

test("a zip archive holds every file, read by our reader and by zip.js", async () => {
  const image = Uint8Array.from({ length: 300 }, (_, index) => index % 251);
  const bytes = await archive([
    { path: "data/rows.jsonl", content: pieces() },
    { path: "images/ü/a.png", content: image },
    { path: "train.sh", content: "#!/bin/sh\n", executable: true },
    { path: "empty.txt", content: "" },
  ]);
  const lookup = await zipImages({ source: memorySource({ "a.zip": bytes }), path: "a.zip" });
  expect(new TextDecoder().decode(await lookup.read("data/rows.jsonl"))).toBe("one\ntwo ü\n");
  expect(await lookup.read("images/ü/a.png")).toEqual(image);
  const entries = await new ZipReader(new Uint8ArrayReader(bytes)).getEntries({
    checkSignature: true,
  } as object);
  expect(entries.map(({ filename, uncompressedSize }) => [filename, uncompressedSize])).toEqual([
    ["data/rows.jsonl", 11],
    ["images/ü/a.png", 300],
    ["train.sh", 10],
    ["empty.txt", 0],
  ]);
  expect(entries.map(({ externalFileAttributes }) => (externalFileAttributes >>> 16).toString(8))).toEqual([
    "100644",
    "100644",
    "100755",
    "100644",
  ]);
});

test("YAML comes back as it was, small numbers and awkward texts included", () => {
  const tree = {
    a: { b: 1e-7, c: 1e21, d: 1.5, e: -3, f: true, g: null },
    list: ["x: y", "# no remark", "'\"\n"],
    empty: {},
    text: "on",
  };
  expect(parse(toYaml(tree))).toEqual(tree);
  // Python's YAML 1.1 takes a number without a point and a power for a text.
  expect(toYaml({ lr: 1e-7 }, new Map([["lr", "a remark"]]))).toBe("lr: 1.0e-7  # a remark");
  expect(withValue(tree, "a.new.deep", 1)).toEqual({ ...tree, a: { ...tree.a, new: { deep: 1 } } });
});
