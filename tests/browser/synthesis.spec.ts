import { expect, test, type Page } from "@playwright/test";
import { runInPage, sourceFile } from "./bundle.ts";

/** What the page's script is given of the library. */
interface Library {
  everyRole: (typeof import("../../src/synthesis/stages.ts"))["everyRole"];
  openIndexedSynthesisStore: (typeof import("../../src/synthesis/indexed-store.ts"))["openIndexedSynthesisStore"];
  synthesize: (typeof import("../../src/synthesis/synthesize.ts"))["synthesize"];
  toyScenes: (typeof import("../../src/synthesis/toy-scenes.ts"))["toyScenes"];
  toySynthesisModel: (typeof import("../../src/synthesis/toy-model.ts"))["toySynthesisModel"];
}
declare global {
  interface Window {
    synthesis: Library;
  }
}

const modules: Record<keyof Library, string> = {
  everyRole: "stages",
  openIndexedSynthesisStore: "indexed-store",
  synthesize: "synthesize",
  toyScenes: "toy-scenes",
  toySynthesisModel: "toy-model",
};

/** A script that puts the modules under test on the window. */
const entry = [
  ...Object.entries(modules).map(
    ([name, file]) => `import { ${name} } from ${sourceFile(`synthesis/${file}.ts`)};`,
  ),
  `window.synthesis = { ${Object.keys(modules).join(", ")} };`,
].join("\n");

// The page allows no scripts but its own; this one is the test's.
test.use({ bypassCSP: true });

async function open(page: Page): Promise<void> {
  await page.goto("./");
  await runInPage(page, entry, "synthesis");
}

/** Makes records of toy scenes in the page, at most for as many images; what came of it, and what was asked. */
function synthesise(page: Page, stopAfter: number) {
  return page.evaluate(async (most) => {
    const { everyRole, openIndexedSynthesisStore, synthesize, toyScenes, toySynthesisModel } =
      window.synthesis;
    const scenes = await toyScenes(4);
    const images = scenes.map(({ path, png }) => ({ path, read: () => Promise.resolve(png) }));
    const model = toySynthesisModel(scenes);
    let asked = 0;
    const counting = {
      ...model,
      ask: (...call: Parameters<typeof model.ask>) => {
        asked++;
        return model.ask(...call);
      },
    };
    const store = await openIndexedSynthesisStore("test");
    let done = 0;
    for await (const event of synthesize(images, { models: everyRole(counting), store, concurrency: 1 })) {
      if (event.type === "image" && ++done === most) break;
    }
    const problems: string[] = [];
    for await (const { path, kept } of store.outcomes())
      problems.push(...kept.map(({ record }) => `${path}: ${record.problem}`));
    const runs = (await store.runs()).length;
    await store.close();
    return { asked, done, problems, runs };
  }, stopAfter);
}

test("a synthesis in the page outlives a reload and goes on without asking twice", async ({ page }) => {
  await open(page);
  const first = await synthesise(page, 2);
  expect(first.done).toBe(2);
  expect(first.problems.length).toBeGreaterThan(3);
  await open(page);
  const second = await synthesise(page, 9);
  expect(second).toMatchObject({ done: 4, runs: 1 });
  expect(second.problems.slice(0, first.problems.length)).toEqual(first.problems);
  const third = await synthesise(page, 9);
  expect(third).toEqual({ ...second, asked: 0 });
  const cleared = await page.evaluate(async () => {
    const store = await window.synthesis.openIndexedSynthesisStore("test");
    await store.clear();
    const left = await store.outcomes().next();
    await store.close();
    return left.done;
  });
  expect(cleared).toBe(true);
  const whole = await synthesise(page, 9);
  expect(first.asked + second.asked).toBe(whole.asked);
  expect(whole.problems).toEqual(second.problems);
});
