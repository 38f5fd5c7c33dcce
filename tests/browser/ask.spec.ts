import { join } from "node:path";
import { gradient, openSampling, pictureNamed, pixels, tokens } from "./ask-page.ts";
import { expect, test } from "./page.ts";

test("the page opens with the toy policy and a scene of its world, and answers about it", async ({ app }) => {
  await expect(app.policy).toHaveText("Toy policy");
  await expect(
    pictureNamed(app, /^Picture: scene 1 of the built-in task \(.*(circle|square|triangle)/),
  ).toBeVisible();
  await expect(app.page.getByText("knows only its own small world")).toBeVisible();
  expect(await app.field("Question").inputValue()).toMatch(/^[a-z ]+[.?]/);
  await app.button("Ask").click();
  await app.answered();
  await expect(app.answer).not.toBeEmpty();
  await expect(app.answer).not.toContainText("<"); // no tags
  await expect(app.page.locator("#expected")).toHaveText(/^Right answer: \w+\. (✓ right|✗ wrong)$/);

  await app.button("Random scene").click();
  await expect(pictureNamed(app, /^Picture: scene 2 /)).toBeVisible();
  await expect(app.answer).toBeEmpty();
  await expect(app.page.locator("#expected")).toBeEmpty();
});

test("made to think, it reasons about what is in the picture, apart from the answer", async ({ app }) => {
  await app.field("Response").selectOption("think first");
  for (const scene of [1, 2]) {
    const picture = pictureNamed(app, `Picture: scene ${scene} `);
    const name = await picture.getAttribute("aria-label");
    await app.ask("describe the picture .");
    const seen = /\((.*)\)/.exec(name ?? "")?.[1].split(", ") ?? [];
    for (const thing of seen) await expect(app.page.locator("#thoughts")).toContainText(thing);
    await expect(app.page.locator("#expected")).toContainText("✓ right");
    await app.button("Random scene").click();
    await expect(picture).toHaveCount(0);
  }
  await app.field("Response").selectOption("answer at once");
  await app.button("Ask").click();
  await app.answered();
  await expect(app.page.locator("#thoughts")).toBeEmpty();
  await expect(app.answer).not.toBeEmpty();
});

test("samples stand side by side, each with its log-probs, and are counted", async ({ app }) => {
  await app.field("Samples").fill("3");
  await expect(app.page.getByText("At temperature 0 all samples are the same")).toBeVisible();
  await openSampling(app, { Temperature: 5, "Top-k": 20, "Top-p": 0.99, "Min-p": 0.001, "Most tokens": 6 });
  await app.button("Ask").click();
  await app.answered();
  const cards = app.page.getByRole("article", { name: /^Sample \d$/ });
  await expect(cards).toHaveCount(3);
  const totals: number[] = [];
  for (const index of [1, 2, 3]) {
    const card = cards.nth(index - 1);
    await expect(tokens(app, index).first()).toBeVisible();
    const count = await tokens(app, index).count();
    expect(count).toBeGreaterThan(0);
    const logps = await tokens(app, index).evaluateAll((buttons) =>
      buttons.map((button) =>
        Number(/log-prob (\S+)/.exec(button.getAttribute("title") ?? "")?.[1].replace("−", "-")),
      ),
    );
    const total = Number((await card.locator("dd").nth(2).textContent())?.replace("−", "-"));
    expect(logps.reduce((sum, logp) => sum + logp, 0)).toBeCloseTo(total, 1);
    await expect(card.locator("dd").first()).toHaveText(String(count));
    totals.push(total);
  }
  expect(new Set(totals).size).toBe(3); // three different ones, at this temperature
  const counted = await app.answer.locator("small").allTextContents();
  expect(counted.reduce((sum, text) => sum + Number(text.replace(/\D/g, "")), 0)).toBe(3);
});

test("stop ends the answer, keeps what has come, and one can ask again", async ({ app }) => {
  await openSampling(app, { Temperature: 5, "Most tokens": 450 }); // it babbles
  await app.button("Ask").click();
  const note = app.page.locator("#answer-note");
  await expect(note).toHaveText(/^\d+ tokens/);
  await app.button("Stop").click();
  await expect(note).toHaveText(/stopped$/);
  expect(Number.parseInt((await note.textContent()) ?? "", 10)).toBeLessThan(450);
  await expect(tokens(app).first()).toBeVisible();
  await openSampling(app, { "Most tokens": 8 });
  await app.button("Ask").click();
  await expect(note).toHaveText(/^\d tokens.*(cut|ended)/);
});

test("a token that is pointed at, slid to or played shows where on the picture it looks", async ({ app }) => {
  await app.field("Response").selectOption("think first");
  await app.button("Ask").click();
  await app.answered();
  const plain = await pixels(app);
  const says = app.page.locator(".ask-look-text");
  await tokens(app).nth(2).hover();
  await expect(says).toHaveText(/^Token 3 of \d+, “\w+”: \d+% of the attention is on the picture\.$/);
  await expect.poll(() => pixels(app)).not.toEqual(plain);
  const third = await pixels(app);

  const slider = app.page.getByRole("slider", { name: "Token that looks" });
  await slider.fill("0");
  await expect(says).toContainText("Token 1 of");
  await expect.poll(() => pixels(app)).not.toEqual(third);
  await slider.press("ArrowRight");
  await expect(says).toContainText("Token 2 of");
  await expect(tokens(app).nth(1)).toHaveAttribute("aria-pressed", "true");

  await tokens(app).nth(1).focus();
  await app.page.keyboard.press("ArrowRight");
  await expect(tokens(app).nth(2)).toBeFocused();
  await expect.poll(() => pixels(app)).toEqual(third);

  await app.button("All").click();
  await expect(says).toContainText("On average over all");
  const last = await tokens(app).count();
  await slider.fill(String(last - 3));
  await app.button("Play").click();
  await expect(says).toContainText(`Token ${last} of ${last}`);
  await expect(app.button("Play")).toBeVisible(); // it ends by itself

  await app.button("Random scene").click(); // another picture, to which this does not belong
  await expect(slider).toBeDisabled();
});

test("while a run trains the tab says so and answers between steps; then what was learnt can be left out", async ({
  app,
}) => {
  await app.train({ steps: 12, scenes: 0, promptsPerStep: 2, numGenerations: 4 });
  await app.openTab("Ask");
  await expect(app.page.getByText("A run is training this policy")).toBeVisible();
  await app.button("Ask").click();
  await app.answered();
  await expect(app.answer).not.toBeEmpty();
  await app.openTab("Train");
  await expect(app.training).toHaveText(/^Step [1-9]/); // something has been learnt
  await app.button("Stop training").click();
  await expect(app.training).toHaveText(/^(Stopped after step [1-9]|Finished)/);
  await app.openTab("Ask");
  await expect(app.page.getByText("A run is training this policy")).toHaveCount(0);

  await app.field("Response").selectOption("think first");
  const learnt = app.page.getByRole("switch", { name: /^With what it learnt/ });
  await expect(learnt).toBeChecked();
  const totals: (string | null)[] = [];
  for (const wanted of [true, false]) {
    await learnt.setChecked(wanted);
    await app.button("Ask").click();
    await app.answered();
    await expect(tokens(app).first()).toBeVisible();
    totals.push(await app.panel("Ask").locator("dd").nth(2).textContent());
  }
  expect(totals[0]).not.toEqual(totals[1]); // other weights, other probabilities
});

test("everything can be done by keyboard; the focus is never lost", async ({ app }) => {
  await app.field("Question").focus();
  await app.page.keyboard.press("ControlOrMeta+A");
  await app.page.keyboard.type("how many squares ?");
  await app.page.keyboard.press("Enter");
  await app.answered();
  await expect(app.field("Question")).toHaveValue("how many squares ?"); // no line break
  await expect(app.field("Question")).toBeFocused();
  await expect(app.button("Ask")).toBeEnabled();

  await openSampling(app, { Temperature: 5, "Most tokens": 450 });
  await app.button("Ask").focus();
  await app.page.keyboard.press("Enter");
  await expect(app.button("Stop")).toBeFocused();
  await app.page.keyboard.press("Enter");
  await expect(app.page.locator("#answer-note")).toHaveText(/stopped$/);
  await expect(app.button("Ask")).toBeFocused();
});

test("nothing moves while an answer streams", async ({ app }) => {
  await app.field("Response").selectOption("think first");
  await app.button("Ask").click();
  // Tops on the page, and how high the picture's card is (which stays in view when the page is scrolled).
  const places = () =>
    app.page.evaluate(() => {
      const boxes = ["#thoughts", "[aria-label='Answer']", "#expected", "#answer-note"].map((selector) =>
        document.querySelector(selector)?.getBoundingClientRect(),
      );
      const card = document.querySelector(".ask-picture")?.getBoundingClientRect();
      return [...boxes.map((box) => (box?.top ?? NaN) + scrollY), card?.height].join(" ");
    });
  const seen = new Set([await places()]);
  while (!/ended|cut/.test((await app.page.locator("#answer-note").textContent()) ?? ""))
    seen.add(await places());
  await expect(tokens(app).first()).toBeVisible();
  seen.add(await places());
  expect([...seen]).toHaveLength(1);
});

test("an option out of range is refused in words, also from a field that is folded away", async ({ app }) => {
  await openSampling(app, { Temperature: 500 });
  await app.page.getByText("Sampling", { exact: true }).click();
  await expect(app.field("Temperature")).toHaveCount(0);
  await app.button("Ask").click();
  await expect(app.alert).toContainText("InvalidOptionError: temperature: got 500");
  await openSampling(app, { Temperature: 0 });
  for (const samples of ["9", ""]) {
    await app.field("Samples").fill(samples);
    await app.button("Ask").click();
    await expect(app.alert).toContainText("InvalidOptionError: samples: got");
  }
  await app.field("Samples").fill("1");
  await app.button("Ask").click();
  await app.answered();
  await expect(app.alert).toHaveCount(0);
});

test("a model folder of one's own is opened; a folder that is none leaves the policy in use", async ({
  app,
}) => {
  await app.page.getByText("Open a real model, for photographs").click();
  const folder = app.page.getByLabel("Open model folder");
  await folder.setInputFiles(join(import.meta.dirname, "../fixtures/indices"));
  await expect(app.alert).toContainText("MissingFileError");
  await expect(app.policy).toHaveText("Toy policy");
  await folder.setInputFiles(join(import.meta.dirname, "../fixtures/qwen2_5_vl_tiny"));
  await expect(app.policy).toHaveText("qwen2_5_vl_tiny");
  await app.chooseImage("mine.png", "image/png", gradient);
  await app.button("Describe the picture in one sentence.").click();
  await app.button("Ask").click();
  await app.answered();
  await app.button("Back to the toy policy").click();
  await expect(app.policy).toHaveText("Toy policy");
  await expect(app.page.getByText("This is no scene of the toy policy’s small world")).toBeVisible();
});
