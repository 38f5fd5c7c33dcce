import { afterEach, expect, test, vi } from "vitest";
import { builtInModel, type BuiltInApi } from "../../src/language-models/built-in.ts";
import { openLanguageModel } from "../../src/language-models/open.ts";
import { LanguageModelError } from "../../src/util/errors.ts";

afterEach(() => void vi.unstubAllGlobals());

/** Stands in for the browser's API, which no test browser has: records what it is called with. */
function fakeApi(availability = "available", more: Partial<BuiltInApi> = {}) {
  const log: [string, unknown?][] = [];
  const api: BuiltInApi = {
    availability: (options) => {
      log.push(["availability", options]);
      return Promise.resolve(availability);
    },
    create: (options) => {
      log.push(["create", options]);
      return Promise.resolve({
        prompt: (input, promptOptions) => {
          log.push(["prompt", { input, ...promptOptions }]);
          return Promise.resolve("three");
        },
        destroy: () => void log.push(["destroy"]),
      });
    },
    ...more,
  };
  return { api, log };
}

test("the browser's own is found where it is", async () => {
  const { api } = fakeApi();
  vi.stubGlobal("LanguageModel", api);
  const model = await openLanguageModel({ kind: "built-in" });
  expect(await model.ask([{ role: "user", content: "?" }])).toEqual({ text: "three" });
});

test("a question is a session: earlier turns begin it, the last is prompted, and it is given back", async () => {
  const { api, log } = fakeApi("available", { params: () => Promise.resolve({ defaultTopK: 5 }) });
  const model = await builtInModel({ api });
  const schema = { type: "number" };
  await model.ask(
    [
      { role: "system", content: "Be short." },
      { role: "user", content: "How many?" },
    ],
    { temperature: 0.5, schema },
  );
  expect(log.map(([call]) => call)).toEqual(["availability", "create", "prompt", "destroy"]);
  expect(log[1][1]).toMatchObject({
    initialPrompts: [{ role: "system", content: [{ type: "text", value: "Be short." }] }],
    temperature: 0.5,
    topK: 5,
  });
  expect(log[2][1]).toMatchObject({
    input: [{ role: "user", content: [{ type: "text", value: "How many?" }] }],
    responseConstraint: schema,
  });
});

test("a page that may not set a temperature asks without one", async () => {
  const { api, log } = fakeApi();
  await (await builtInModel({ api })).ask([{ role: "user", content: "?" }], { temperature: 0 });
  expect(log[1][1]).not.toHaveProperty("temperature");
});

test("images go as files, where the model was asked for as one that sees", async () => {
  const { api, log } = fakeApi();
  const model = await builtInModel({ api, takesImages: true });
  expect(log[0][1]).toEqual({ expectedInputs: [{ type: "text" }, { type: "image" }] });
  const image = { width: 1, height: 1, data: Uint8Array.of(1, 2, 3) };
  await model.ask([{ role: "user", content: [{ type: "image", image }] }]);
  const { input } = log[2][1] as { input: { content: { value: Blob }[] }[] };
  expect(input[0].content[0].value.type).toBe("image/png");
});

test.each([
  ["unavailable", /cannot run it/],
  ["downloadable", /has not downloaded it/],
  ["downloading", /is downloading it/],
])("%s is said", async (availability, message) => {
  const opened = builtInModel({ api: fakeApi(availability).api });
  await expect(opened).rejects.toThrow(LanguageModelError);
  await expect(opened).rejects.toThrow(message);
});

test("a session that fails is given back, and the question fails", async () => {
  let destroyed = 0;
  const { api } = fakeApi("available", {
    create: () =>
      Promise.resolve({
        prompt: () => Promise.reject(new DOMException("too long", "QuotaExceededError")),
        destroy: () => {
          destroyed++;
        },
      }),
  });
  const model = await builtInModel({ api });
  const asked = model.ask([{ role: "user", content: "?" }]);
  await expect(asked).rejects.toThrow(LanguageModelError);
  await expect(asked).rejects.toThrow(/too long/);
  expect(destroyed).toBe(1);
});

test("an abort ends a question at once", async () => {
  const { api } = fakeApi("available", { create: () => new Promise(() => {}) });
  const model = await builtInModel({ api });
  const control = new AbortController();
  const asked = model.ask([{ role: "user", content: "?" }], { signal: control.signal });
  control.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
});
