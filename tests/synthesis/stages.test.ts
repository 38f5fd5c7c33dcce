import { describe, expect, test } from "vitest";
import { loadMathEngine } from "../../src/rl/verifiers/math-engine.ts";
import type { PolicySampler } from "../../src/synthesis/pass-rate.ts";
import { parsePrompt, synthesisPrompts } from "../../src/synthesis/prompts.ts";
import { everyRole } from "../../src/synthesis/stages.ts";
import { memorySynthesisStore } from "../../src/synthesis/store.ts";
import { toySynthesisModel } from "../../src/synthesis/toy-model.ts";
import { toyScenes } from "../../src/synthesis/toy-scenes.ts";
import { InvalidOptionError, StorageError } from "../../src/util/errors.ts";
import { imagesOf, run, told, type Otherwise } from "./support.ts";

const scenes = await toyScenes(3);
const [image] = imagesOf(scenes);
const toy = toySynthesisModel(scenes);

/** A question that the toy model can answer: there is a red circle, a red triangle, a red circle. */
const question = {
  type: "fill-in-blank",
  question: "how many circles and triangles ?",
  options: [],
  abilities: ["rec", "math"],
};
const asking =
  (...questions: unknown[]): Otherwise =>
  () => ({ questions });

/** One image through the stages, with some of them answered otherwise. */
async function one(otherwise: Parameters<typeof told>[1], options: Parameters<typeof run>[2] = {}) {
  const model = told(toy, { questions: asking(question), ...otherwise });
  const ran = await run([image], everyRole(model), options);
  const times = (stage: string) => model.asked.filter((each) => each.stage === stage).length;
  return { ...ran, model, times, stages: ran.finished?.counters.stages };
}

test("a description is refined as long as something is missing, and merged", async () => {
  const { kept, model, events } = await one({});
  expect(model.asked.map(({ stage }) => stage)).toEqual([
    "describe",
    "ask-missing",
    "answer-missing",
    "ask-missing",
    "merge",
    "questions",
    "filter",
    "answer-text",
    "answer-image",
    "rewrite",
  ]);
  const [, , , second] = model.asked;
  expect(second.words).toContain(
    "Q: In which row and column is each object?\\nA: Row 1, column 2: a red circle.",
  );
  const outcome = events.find((event) => event.type === "image")?.outcome;
  expect(outcome?.description).toContain("Row 1, column 2");
  expect(kept).toHaveLength(1);
  expect(kept[0].record).toEqual({
    problem: "how many circles and triangles ?",
    answer: "3",
    category: "fill-in-blank",
    abilities: ["reasoning", "rec", "math"],
    refined_cot: expect.not.stringContaining("To be sure") as string,
    image_path: "scene-0000.png",
    reward: "number",
  });
  expect(kept[0].provenance).toMatchObject({
    image: { path: "scene-0000.png", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    answers: { text: "3", image: "3" },
    agreement: { by: "rule", verifier: "number" },
    reasoning: expect.stringContaining("To be sure") as string,
  });
});

test("without turns there is no refinement, and the asker may find nothing missing", async () => {
  const { times } = await one({}, { turns: 0 });
  expect([times("ask-missing"), times("merge")]).toEqual([0, 0]);
  const content = await one({ "ask-missing": () => ({ questions: [] }) });
  expect([content.times("ask-missing"), content.times("merge")]).toEqual([1, 0]);
});

describe("replies", () => {
  test("that cannot be read are sent back with what is wrong", async () => {
    const bad = ["I think it is fine.", '{"verdict":"valid"}', '{"verdict":"fine","why":"x"}'];
    for (const reply of bad) {
      const { kept, model, stages } = await one({ filter: ({ count }) => (count === 0 ? reply : null) });
      expect(kept).toHaveLength(1);
      expect(stages?.filter).toMatchObject({ asked: 2, repeated: 1, kept: 1 });
      const again = model.asked.filter(({ stage }) => stage === "filter")[1].words;
      expect(again).toContain(JSON.stringify(reply).slice(1, -1));
      expect(again).toContain("This reply cannot be used: ");
    }
  });

  test("in a fence, or behind thoughts, are read", async () => {
    const { kept, stages } = await one({
      filter: ({ text }) => `\`\`\`json\n${text}\n\`\`\``,
      rewrite: ({ text }) => `<think>{"reasoning": "no"}</think>\n${text}`,
    });
    expect(kept[0].record.refined_cot).toContain("row 1, column 2");
    expect(stages?.filter.repeated).toBe(0);
  });

  test("that never can be read drop the question, or the image, with the reason", async () => {
    const { drops, times } = await one({ rewrite: () => "no" }, { attempts: 2 });
    expect(drops).toEqual([
      {
        path: "scene-0000.png",
        question: 0,
        stage: "rewrite",
        reason: "unreadable-reply",
        detail: "told, asked 2 times: it is not one JSON object and nothing else",
        problem: question.question,
      },
    ]);
    expect(times("rewrite")).toBe(2);
    const whole = await one({ describe: () => ({ description: " " }) });
    expect(whole.drops).toMatchObject([{ question: null, stage: "describe", reason: "unreadable-reply" }]);
    expect(whole.finished?.complete).toBe(true);
  });

  test("have an answer for each question that was asked", async () => {
    const { stages } = await one({
      "answer-missing": ({ count }) => (count === 0 ? { answers: ["a", "b"] } : null),
    });
    expect(stages?.["answer-missing"]).toMatchObject({ repeated: 1, kept: 1 });
  });
});

describe("questions", () => {
  test("that are invalid are dropped with the filter's reason, and not answered", async () => {
    const { drops, times, stages } = await one({
      filter: () => ({ verdict: "ambiguous", why: "Which circle?" }),
    });
    expect(drops).toMatchObject([
      { question: 0, stage: "filter", reason: "ambiguous", detail: "Which circle?" },
    ]);
    expect(times("answer-text") + times("answer-image")).toBe(0);
    expect(stages?.filter).toMatchObject({ entered: 1, kept: 0, dropped: { ambiguous: 1 } });
  });

  test("that are malformed or asked before never reach the filter", async () => {
    const choice = { ...question, type: "multiple-choice" };
    const { drops, kept, times } = await one(
      {
        questions: asking(
          question,
          { ...question, question: "How many circles, and triangles?" },
          { ...choice, options: ["1"] },
          { ...choice, options: ["1", "1 "] },
          { ...question, abilities: [] },
          { ...question, options: ["1", "2"] },
        ),
      },
      { questions: 6 },
    );
    expect(kept.map(({ provenance }) => provenance.question)).toEqual([0]);
    expect(drops.map(({ question: index, reason }) => [index, reason])).toEqual([
      [1, "duplicate-question"],
      [2, "malformed-question"],
      [3, "malformed-question"],
      [4, "malformed-question"],
      [5, "malformed-question"],
    ]);
    expect(times("filter")).toBe(1);
  });

  test("beyond the number that was asked for are left", async () => {
    const { kept, drops } = await one({ questions: asking(question, question, question) }, { questions: 1 });
    expect([kept.length, drops.length]).toEqual([1, 0]);
  });

  test("of choices: letters of the asker's go, the answer is a letter, by its text too", async () => {
    const choice = { ...question, type: "multiple-choice", options: ["A. 7", "(B) 3", "5"] };
    const { kept, stages } = await one({
      questions: asking(choice),
      "answer-image": ({ count }) => (count === 0 ? { answer: "E" } : { answer: "3" }),
    });
    expect(kept[0].record).toMatchObject({
      problem: "how many circles and triangles ?\nA. 7\nB. 3\nC. 5",
      answer: "B",
      category: "multiple choice",
      reward: "multiple-choice",
    });
    expect(stages?.["answer-image"].repeated).toBe(1);
  });
});

describe("two answers", () => {
  test("that mean the same are taken by the rule, without a model", async () => {
    const { kept, times } = await one(
      { "answer-image": () => ({ answer: "3.0" }) },
      { math: loadMathEngine },
    );
    expect(kept[0].provenance.agreement).toMatchObject({ by: "rule", verifier: "number", taken: "text" });
    expect(times("adjudicate")).toBe(0);
  });

  test.each([
    ["text", "4"],
    ["image", "3"],
  ] as const)("that differ are decided by a third: the %s is right", async (taken, imageSays) => {
    // The third looks at what stands first and second, whichever that is.
    const { kept, stages } = await one({
      "answer-text": () => ({ answer: taken === "text" ? "3" : "4" }),
      "answer-image": () => ({ answer: imageSays, reasoning: "I look and count." }),
    });
    expect(kept[0].record.answer).toBe("3");
    expect(kept[0].provenance).toMatchObject({
      answers: { image: imageSays },
      agreement: { by: "adjudicator", taken, why: "The scene gives “3”." },
    });
    expect(kept[0].provenance.reasoning === "I look and count.").toBe(taken === "image");
    expect(stages?.adjudicate).toMatchObject({ entered: 1, kept: 1 });
  });

  test("that are both wrong drop the question", async () => {
    const { drops } = await one({
      "answer-text": () => ({ answer: "7" }),
      "answer-image": () => ({ answer: "8" }),
    });
    expect(drops).toMatchObject([
      { stage: "adjudicate", reason: "both-wrong", detail: "The scene gives “3”." },
    ]);
  });

  test("that are descriptions in other words are left to the third", async () => {
    const { kept } = await one({
      questions: asking({ ...question, type: "descriptive", question: "describe the picture ." }),
      "answer-image": () => ({ answer: "red triangle red circle red circle" }),
    });
    expect(kept[0].record).toMatchObject({ category: "descriptive", reward: "model-judge" });
    expect(kept[0].provenance.agreement).toMatchObject({ by: "adjudicator", taken: "text" });
  });
});

test("a record that readers would reject is none", async () => {
  const { drops } = await one({ rewrite: () => ({ reasoning: "<think> </think>" }) });
  expect(drops).toMatchObject([
    {
      stage: "rewrite",
      reason: "unusable-record",
      detail: expect.stringContaining("empty-reasoning") as string,
    },
  ]);
});

describe("images", () => {
  test("that are none, cannot be read or have a path that records cannot have are dropped, the rest is made", async () => {
    const model = told(toy, { questions: asking(question) });
    const ran = await run(
      [
        { path: "none.png", read: () => Promise.resolve(new TextEncoder().encode("not an image")) },
        { path: "torn.png", read: async () => (await image.read()).slice(0, 80) },
        { path: "gone.png", read: () => Promise.reject(new Error("gone.png: no such file")) },
        { path: "../up.png", read: () => image.read() },
        { path: " space.png", read: () => image.read() },
        image,
      ],
      everyRole(model),
    );
    expect(ran.drops.map(({ path, reason }) => [path, reason])).toEqual([
      ["none.png", "unreadable-image"],
      ["torn.png", "unreadable-image"],
      ["gone.png", "unreadable-image"],
      ["../up.png", "unsafe-path"],
      [" space.png", "unsafe-path"],
    ]);
    expect(ran.kept).toHaveLength(1);
    expect(ran.finished).toMatchObject({
      complete: true,
      counters: { drops: { "unreadable-image": 3, "unsafe-path": 2 } },
    });
    expect(model.asked.filter(({ stage }) => stage === "describe")).toHaveLength(1);
  });

  test("of one path twice are refused", async () => {
    await expect(run([image, image], everyRole(toy))).rejects.toThrow(/scene-0000.png twice/);
  });
});

describe("the policy's pass rate", () => {
  function sampler(rates: Record<string, number>): PolicySampler & { calls: number } {
    const own: PolicySampler & { calls: number } = {
      name: "policy",
      identity: "policy 1",
      calls: 0,
      sample({ problem, n, image: bytes }) {
        own.calls++;
        expect(bytes.byteLength).toBeGreaterThan(50);
        const right = Math.round((rates[problem] ?? 0) * n);
        return Promise.resolve(
          Array.from(
            { length: n },
            (_, at) => `<think>hm</think><answer>${at < right ? "yes" : "no"}</answer>`,
          ),
        );
      },
    };
    return own;
  }
  const blank = (words: string) => ({ ...question, question: words });

  test("keeps what it is sometimes right about, and is asked once", async () => {
    const questions = ["always right ?", "sometimes right ?", "never right ?"].map(blank);
    const answering = () => ({ reasoning: "so", answer: "yes" });
    const model = told(
      { ...toy, ask: () => Promise.resolve({ text: "{}" }) },
      {
        describe: () => ({ description: "a picture" }),
        "ask-missing": () => ({ questions: [] }),
        questions: asking(...questions),
        filter: () => ({ verdict: "valid", why: "ok" }),
        "answer-text": answering,
        "answer-image": answering,
        rewrite: () => ({ reasoning: "so it is" }),
      },
    );
    const policy = sampler({ "always right ?": 1, "sometimes right ?": 0.5 });
    const store = memorySynthesisStore();
    const options = { store, passRate: { sampler: policy, samples: 4 } };
    const ran = await run([image], everyRole(model), options);
    expect(ran.kept.map(({ record, provenance }) => [record.problem, provenance.passRate])).toEqual([
      ["sometimes right ?", { rate: 0.5, samples: 4 }],
    ]);
    expect(ran.drops.map(({ problem, stage, reason, detail }) => [problem, stage, reason, detail])).toEqual([
      ["always right ?", "pass-rate", "too-easy", "right in 100% of 4 samples"],
      ["never right ?", "pass-rate", "too-hard", "right in 0% of 4 samples"],
    ]);
    expect(model.asked.filter(({ stage }) => stage === "rewrite")).toHaveLength(1);
    expect(policy.calls).toBe(3);
    await run([image], everyRole(model), options);
    expect(policy.calls).toBe(3);
    const wide = { sampler: policy, samples: 4, above: 0.6, below: 1 };
    await expect(run([image], everyRole(model), { passRate: { ...wide, below: 0.5 } })).rejects.toThrow(
      InvalidOptionError,
    );
    expect((await run([image], everyRole(model), { store, passRate: wide })).kept).toEqual([]);
  });

  test("leaves descriptions alone where nobody can judge them", async () => {
    const { kept } = await one(
      { questions: asking({ ...question, type: "descriptive", question: "describe the picture ." }) },
      { passRate: { sampler: sampler({}) } },
    );
    expect(kept[0].provenance.passRate).toEqual({ rate: null, samples: 0 });
  });
});

describe("what a run is made with", () => {
  test("is kept; other words or another model make other records", async () => {
    const prompt = parsePrompt("filter", "Be kind.");
    const [plain, own] = [await one({}), await one({}, { prompts: { filter: prompt } })];
    const started = (ran: typeof plain) =>
      ran.events.flatMap((event) => (event.type === "started" ? event.run : []))[0];
    expect(started(plain).prompts.filter.version).toBe(synthesisPrompts.filter.version);
    expect(started(own).prompts.filter).toMatchObject({ version: "own" });
    expect(started(own).fingerprint).not.toBe(started(plain).fingerprint);
    expect(own.kept[0].provenance.run).toBe(started(own).fingerprint);
    expect(own.model.asked.find(({ stage }) => stage === "filter")?.words).toContain("Be kind.");
  });

  test("changes only what depends on it: the rest comes from the journal", async () => {
    const store = memorySynthesisStore();
    const before = told(toy, {});
    await run([image], everyRole(before), { store });
    const after = told(toy, {});
    await run([image], everyRole(after), { store, prompts: { rewrite: parsePrompt("rewrite", "Shorter.") } });
    expect(new Set(after.asked.map(({ stage }) => stage))).toEqual(new Set(["rewrite"]));
  });

  test("a model that cannot see is refused where it has to, and elsewhere told in words alone", async () => {
    const blind = told({ ...toy, takesImages: false }, {});
    blind.takesImages = false;
    await expect(run([image], everyRole(blind))).rejects.toThrow(
      /models: describer: got told, expected a model that takes images/,
    );
    const seeing = told(toy, {});
    const models = {
      ...everyRole(seeing),
      asker: blind,
      filter: blind,
      textAnswerer: blind,
      rewriter: blind,
    };
    expect((await run([image], models)).kept.length).toBeGreaterThan(1);
    expect(blind.asked.filter(({ words }) => words.includes('"type":"image"'))).toEqual([]);
  });

  test("options that are none are refused", async () => {
    await expect(run([image], everyRole(toy), { questions: 0 })).rejects.toThrow(InvalidOptionError);
    await expect(run([image], everyRole(toy), { turns: -1 })).rejects.toThrow(InvalidOptionError);
    await expect(run([image], everyRole(toy), { concurrency: 1.5 })).rejects.toThrow(InvalidOptionError);
  });
});

test("an answer that cannot be kept is not used: the run ends", async () => {
  const store = memorySynthesisStore();
  store.keepAnswer = () => Promise.reject(new StorageError("full"));
  await expect(run([image], everyRole(toy), { store })).rejects.toThrow(StorageError);
});
