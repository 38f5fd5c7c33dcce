import { describe, expect, test } from "vitest";
import { defaultOptions, readAskLink, writeAskLink, type AskLink } from "../../demo/ask/ask-link.ts";
import { decodeLayout, encodeLayout, inWords } from "../../demo/ask/layout-code.ts";
import { modelBase } from "../../demo/ask/model-base.ts";
import { colourNames, shapeNames, type Thing } from "../../workers/client.ts";

const things: Thing[] = [
  { cell: 8, colour: "yellow", shape: "triangle" },
  { cell: 0, colour: "red", shape: "circle" },
];

/** Through an address and back. */
function sent(link: AskLink): AskLink | null {
  const query = new URLSearchParams(writeAskLink(link)).toString();
  return readAskLink(new URLSearchParams(query));
}

describe("a layout in an address", () => {
  test("is two letters a cell", () => {
    expect(encodeLayout(things)).toBe("rc..............yt");
    expect(encodeLayout([])).toBe("..................");
  });

  test("comes back, every colour and shape in every cell", () => {
    for (const colour of colourNames)
      for (const shape of shapeNames)
        for (let cell = 0; cell < 9; cell++)
          expect(decodeLayout(encodeLayout([{ cell, colour, shape }]))).toEqual([{ cell, colour, shape }]);
    expect(decodeLayout(encodeLayout(things))).toEqual(things.toReversed());
  });

  test.each([
    "",
    "rc",
    "rc................yt..",
    "xx................",
    "r.................",
    ".c................",
  ])("%j is none", (word) => expect(decodeLayout(word)).toBeNull());

  test("is told in words, in reading order", () => {
    expect(inWords(things)).toBe("red circle, yellow triangle");
    expect(inWords([])).toBe("nothing");
  });
});

describe("a link", () => {
  const link: AskLink = {
    scene: { kind: "drawn", seed: 4, things: things.toReversed() },
    question: "how many red objects ? A 1 B 0 & C #3",
    options: {
      temperature: 0.7,
      topK: 5,
      topP: 0.9,
      minP: 0.05,
      maxNewTokens: 12,
      seed: 2 ** 53 - 1,
      samples: 8,
      mode: "think",
    },
  };

  test("says everything that differs from the usual", () => {
    expect(sent(link)).toEqual(link);
    const scene = { kind: "test", seed: 17 } as const;
    expect(sent({ ...link, scene })).toEqual({ ...link, scene });
    expect(sent({ ...link, scene: null })).toEqual({ ...link, scene: null });
  });

  test("is short where nothing does", () => {
    const plain: AskLink = { scene: { kind: "test", seed: 0 }, question: null, options: defaultOptions };
    expect(writeAskLink(plain)).toEqual({ scene: "0" });
    expect(sent(plain)).toEqual(plain);
  });

  test("an address that says nothing of this is none", () => {
    expect(readAskLink(new URLSearchParams(""))).toBeNull();
    expect(readAskLink(new URLSearchParams("run=x"))).toBeNull();
  });

  test.each([
    "temperature=-1",
    "temperature=6",
    "temperature=",
    "topK=1.5",
    "topP=0",
    "minP=1",
    "maxNewTokens=1025",
    "seed=9007199254740992",
    "samples=9",
    "samples=x",
    "mode=shout",
  ])("what no field takes is as usual: %s", (query) => {
    expect(readAskLink(new URLSearchParams(query))).toEqual({
      scene: null,
      question: null,
      options: defaultOptions,
    });
  });

  test.each(["things=nonsense", "things=nonsense&scene=1", "scene=-1", "scene=1.5"])(
    "a scene that cannot be read is none: %s",
    (query) => expect(readAskLink(new URLSearchParams(query))?.scene).toBeNull(),
  );
});

test.each([
  ["https://huggingface.co/Qwen/Qwen2.5-VL-3B-Instruct", "/Qwen/Qwen2.5-VL-3B-Instruct/resolve/main"],
  [" https://huggingface.co/a/b/tree/v1 ", "/a/b/resolve/v1"],
  ["https://huggingface.co/a/b/resolve/main/", "/a/b/resolve/main"],
])("the page %s of the hub gives its files", (address, path) => {
  expect(modelBase(address)).toBe(`https://huggingface.co${path}`);
});

test("any other address is a folder", () => {
  expect(modelBase("https://example.org/models/mine/")).toBe("https://example.org/models/mine");
  expect(modelBase("./toy")).toBe("./toy");
  expect(modelBase("  ")).toBe("");
});
