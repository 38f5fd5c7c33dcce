import { describe, expect, test } from "vitest";
import * as errors from "../../src/util/errors.ts";
import type { ThinktabError } from "../../src/util/errors.ts";
import { errorRecord, InvalidOptionError, reviveError } from "../../src/util/errors.ts";

const classes = Object.entries(errors).filter(
  (entry): entry is [string, typeof ThinktabError] =>
    typeof entry[1] === "function" && /Error$/.test(entry[0]) && entry[0] !== "reviveError",
);

describe("an error keeps its class, code and message across a boundary of plain values", () => {
  test("there are classes to look at", () => expect(classes.length).toBeGreaterThan(12));

  test.each(classes)("%s", (name, Class) => {
    const error = new Class("what", { cause: "why" });
    // A minifier renames classes: the code must not come from the class's own name.
    Object.defineProperty(Class, "name", { value: "x" });
    const renamed = new Class("what");
    for (const each of [error, renamed]) {
      const revived = reviveError(structuredClone(errorRecord(each)));
      expect(revived).toBeInstanceOf(Class);
      expect(revived).toMatchObject({ name, code: name, message: each.message });
    }
  });
});

test("an abort stays an AbortError, any other error an Error with its name", () => {
  const abort = reviveError(errorRecord(AbortSignal.abort().reason));
  expect(abort).toBeInstanceOf(DOMException);
  expect(abort.name).toBe("AbortError");
  expect(reviveError(errorRecord(new TypeError("no")))).toMatchObject({ name: "TypeError", message: "no" });
  expect(reviveError(errorRecord("plain"))).toMatchObject({ name: "Error", message: "plain" });
  expect(new InvalidOptionError("steps", [1, "a"], "2").message).toBe("steps: got [1, a], expected 2");
});
