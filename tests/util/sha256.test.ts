import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { sha256Hex } from "../../src/util/sha256.ts";

test("the digests of FIPS 180-2, and those of Node's own implementation", async () => {
  expect(await sha256Hex(new TextEncoder().encode("abc"))).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);
  for (const part of [bytes, bytes.subarray(3, 70), bytes.subarray(0, 0)]) {
    expect(await sha256Hex(part)).toBe(createHash("sha256").update(part).digest("hex"));
  }
});
