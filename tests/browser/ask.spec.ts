import { join } from "node:path";
import { expect, png, test } from "./page.ts";

const gradient = png(70, 50, (x, y) => [x * 3, y * 5, 128]);

test("a PNG of one's own gets an answer that streams, and another question another answer", async ({
  app,
}) => {
  await app.chooseImage("mine.png", "image/png", gradient);
  await expect(app.page.getByRole("img", { name: "Picture: mine.png" })).toBeVisible();
  await app.field("Question").fill("What is it?");
  await app.button("Ask").click();
  await expect(app.answer).not.toBeEmpty();
  await expect(app.page.locator("#answer-note")).toHaveText(/cut at the limit|ended by itself/);
  const first = await app.answer.textContent();
  expect(first?.length).toBeGreaterThan(10);

  await app.button("Ask").click(); // the same seed: the same answer
  await expect(app.button("Ask")).toBeEnabled();
  await expect(app.answer).toHaveText(first ?? "");
  await app.field("Question").fill("Why?");
  await app.button("Ask").click();
  await expect(app.button("Ask")).toBeEnabled();
  await expect(app.answer).not.toHaveText(first ?? "");
});

test("what is in the picture reaches the policy", async ({ app }) => {
  const answers: (string | null)[] = [];
  for (const level of [10, 240]) {
    await app.chooseImage(
      `${level}.png`,
      "image/png",
      png(40, 40, () => [level, level, level]),
    );
    await expect(app.page.getByRole("img", { name: `Picture: ${level}.png` })).toBeVisible();
    await app.button("Ask").click();
    await expect(app.page.locator("#answer-note")).toHaveText(/cut at the limit|ended by itself/);
    answers.push(await app.answer.textContent());
    await app.field("Question").fill("What do you see?");
  }
  expect(answers[0]).not.toEqual(answers[1]);
});

test("stop ends the answer, and one can ask again", async ({ app }) => {
  await app.button("Random scene").click();
  await expect(app.page.getByRole("img", { name: /scene 1/ })).toBeVisible();
  await expect(app.field("Question")).toHaveValue(/The square is/);
  await app.page.getByText("Sampling").click();
  await app.field("Most tokens").fill("600");
  await app.button("Ask").click();
  await expect(app.answer).not.toBeEmpty();
  await app.button("Stop").click();
  await expect(app.page.locator("#answer-note")).toHaveText(/stopped/);
  const tokens = Number.parseInt((await app.page.locator("#answer-note").textContent()) ?? "", 10);
  expect(tokens).toBeLessThan(600);
  await app.field("Most tokens").fill("8");
  await app.button("Ask").click();
  await expect(app.page.locator("#answer-note")).toHaveText(/^\d tokens.*(cut|ended)/);
});

test("a file that is no image is named, and the page goes on", async ({ app }) => {
  await app.chooseImage("broken.png", "image/png", gradient.subarray(0, 40));
  await expect(app.page.getByRole("alert")).toContainText("ImageDecodeError: broken.png");
  await app.chooseImage("mine.png", "image/png", gradient);
  await expect(app.page.getByRole("img", { name: "Picture: mine.png" })).toBeVisible();
  await expect(app.page.getByRole("alert")).toHaveCount(0);
});

test("an option out of range is refused in words", async ({ app }) => {
  await app.page.getByText("Sampling").click();
  await app.field("Temperature").evaluate((input: HTMLInputElement) => (input.max = "1000"));
  await app.field("Temperature").fill("500");
  await app.button("Ask").click();
  await expect(app.page.getByRole("alert")).toContainText("InvalidOptionError: temperature: got 500");
});

test("a model folder of one's own is opened; a folder that is none leaves the policy in use", async ({
  app,
}) => {
  const status = app.page.getByRole("status", { name: "Policy status" });
  const folder = app.page.getByLabel("Open model folder");
  await folder.setInputFiles(join(import.meta.dirname, "../fixtures/indices"));
  await expect(app.page.getByRole("alert")).toContainText("MissingFileError");
  await expect(status).toHaveText("Built-in tiny policy with random weights");
  await folder.setInputFiles(join(import.meta.dirname, "../fixtures/qwen2_5_vl_tiny"));
  await expect(status).toHaveText("qwen2_5_vl_tiny");
  await app.chooseImage("mine.png", "image/png", gradient);
  await app.button("Ask").click();
  await expect(app.page.locator("#answer-note")).toHaveText(/cut at the limit|ended by itself/);
});
