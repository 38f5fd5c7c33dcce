import { join } from "node:path";
import { expect, png, test } from "./page.ts";

const gradient = png(70, 50, (x, y) => [x * 3, y * 5, 128]);

test("the page opens with the toy policy and a scene of its world, and answers about it", async ({ app }) => {
  await expect(app.page.getByRole("status", { name: "Policy status" })).toHaveText("Toy policy");
  await expect(app.page.getByRole("img", { name: "Picture: scene 1 of the built-in task" })).toBeVisible();
  const question = await app.field("Question").inputValue();
  expect(question).toMatch(/^[a-zA-Z ]+[.?]/);
  await app.button("Ask").click();
  await app.answered();
  await expect(app.answer).not.toBeEmpty();
  await expect(app.answer).not.toContainText("<"); // no tags
  await expect(app.page.locator("#expected")).toHaveText(/^Right answer: \w+/);

  await app.button("Random scene").click();
  await expect(app.page.getByRole("img", { name: "Picture: scene 2 of the built-in task" })).toBeVisible();
  await expect(app.answer).toBeEmpty();
});

test("made to think, it reasons about what is in the picture, apart from the answer", async ({ app }) => {
  await app.field("Response").selectOption("made to think first");
  const thoughts: (string | null)[] = [];
  for (const scene of [1, 2]) {
    await expect(app.page.getByRole("img", { name: `Picture: scene ${scene} ` })).toBeVisible();
    await app.field("Question").fill("describe the picture .");
    await app.button("Ask").click();
    await app.answered();
    thoughts.push(await app.page.locator("#thoughts").textContent());
    await expect(app.page.getByText("Reasoning")).toBeVisible();
    await app.button("Random scene").click();
  }
  expect(thoughts[0]).toMatch(/\w/);
  expect(thoughts[0]).not.toEqual(thoughts[1]);
  await app.field("Response").selectOption("made to answer at once");
  await app.button("Ask").click();
  await app.answered();
  await expect(app.page.getByText("Reasoning")).toBeHidden();
});

test("a PNG and a question of one's own get an answer, the same for the same seed", async ({ app }) => {
  await app.chooseImage("mine.png", "image/png", gradient);
  await expect(app.page.getByRole("img", { name: "Picture: mine.png" })).toBeVisible();
  await app.field("Question").fill("What is it?");
  await app.page.getByText("Sampling").click();
  await app.field("Temperature").fill("2");
  const answers: string[] = [];
  for (const seed of [1, 1, 2]) {
    await app.page.locator("#ask-seed").fill(String(seed));
    await app.button("Ask").click();
    await expect(app.button("Ask")).toBeEnabled();
    await app.answered();
    answers.push(await app.response());
  }
  expect(answers[0]).toMatch(/\S/);
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).not.toEqual(answers[0]);
  await expect(app.page.locator("#expected")).toBeEmpty(); // of one's own picture nobody knows the answer
});

test("stop ends the answer, and one can ask again", async ({ app }) => {
  await app.page.getByText("Sampling").click();
  await app.field("Temperature").fill("5"); // it babbles
  await app.field("Most tokens").fill("450");
  await app.button("Ask").click();
  await expect(app.page.locator("#answer-note")).toHaveText(/^\d+ tokens/);
  await app.button("Stop").click();
  await expect(app.page.locator("#answer-note")).toHaveText(/stopped/);
  const tokens = Number.parseInt((await app.page.locator("#answer-note").textContent()) ?? "", 10);
  expect(tokens).toBeLessThan(450);
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
  await expect(status).toHaveText("Toy policy");
  await folder.setInputFiles(join(import.meta.dirname, "../fixtures/qwen2_5_vl_tiny"));
  await expect(status).toHaveText("qwen2_5_vl_tiny");
  await app.chooseImage("mine.png", "image/png", gradient);
  await app.button("Ask").click();
  await app.answered();
});
