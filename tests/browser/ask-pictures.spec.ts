/** Where the pictures under “Ask” come from, and how they are shared. */
import { gradient, hand, jpeg, openSampling, pictureNamed, pixels } from "./ask-page.ts";
import { App, expect, test } from "./page.ts";

test("a PNG and a question of one's own get an answer, the same for the same seed", async ({ app }) => {
  await app.chooseImage("mine.png", "image/png", gradient);
  await expect(pictureNamed(app, "Picture: mine.png")).toBeVisible();
  await expect(app.page.getByText("For photographs open a real model")).toBeVisible();
  await app.field("Question").fill("What is it?");
  const answers: string[] = [];
  for (const seed of [1, 1, 2]) {
    await openSampling(app, { Temperature: 2, Seed: seed });
    await app.button("Ask").click();
    await app.answered();
    answers.push(await app.response());
  }
  expect(answers[0]).toMatch(/\S/);
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).not.toEqual(answers[0]);
  await expect(app.page.locator("#expected")).toBeEmpty(); // of one's own picture nobody knows the answer
});

test("a JPEG is read, dropped or pasted as well as chosen", async ({ app }) => {
  const file = await jpeg(app.page);
  await app.chooseImage("chosen.jpg", "image/jpeg", file);
  await expect(pictureNamed(app, "Picture: chosen.jpg")).toBeVisible();
  await app.button("Ask").click();
  await app.answered();
  const chosen = await pixels(app);

  await hand(app.page, "drop", "dropped.png", "image/png", gradient);
  await expect(pictureNamed(app, "Picture: dropped.png")).toBeVisible();
  await expect(app.answer).toBeEmpty();
  expect(await pixels(app)).not.toEqual(chosen);

  await hand(app.page, "paste", "pasted.jpg", "image/jpeg", file);
  await expect(pictureNamed(app, "Picture: pasted.jpg")).toBeVisible();
  await expect.poll(() => pixels(app)).toEqual(chosen);
  await app.button("Ask").click();
  await app.answered();
});

test("a file that is no image is named, and the page goes on", async ({ app }) => {
  await app.chooseImage("broken.png", "image/png", gradient.subarray(0, 40));
  await expect(app.alert).toContainText("ImageDecodeError: broken.png");
  await expect(pictureNamed(app, /^Picture: scene 1 /)).toBeVisible();
  await app.chooseImage("mine.png", "image/png", gradient);
  await expect(pictureNamed(app, "Picture: mine.png")).toBeVisible();
  await expect(app.alert).toHaveCount(0);
});

test("a scene is drawn cell by cell, also by keyboard, and its questions have answers", async ({ app }) => {
  await app.button("Draw scene").click();
  const cell = (row: number, column: number, what: string) =>
    app.button(`Row ${row}, column ${column}: ${what}`);
  await app.page.getByRole("radio", { name: "nothing" }).check();
  const full = app.page.getByRole("button", { name: /^Row \d, column \d: (?!empty)/ });
  while ((await full.count()) > 0) await full.first().click();
  await expect(pictureNamed(app, "Picture: drawn scene (nothing)")).toBeVisible();

  await app.page.getByRole("radio", { name: "blue" }).check();
  await app.page.getByRole("radio", { name: "square" }).check();
  const before = await pixels(app);
  await cell(1, 1, "empty").click();
  await expect(cell(1, 1, "blue square")).toBeVisible();
  await expect.poll(() => pixels(app)).not.toEqual(before);

  await cell(1, 1, "blue square").press("ArrowRight");
  await expect(cell(1, 2, "empty")).toBeFocused();
  await app.page.keyboard.press("ArrowDown");
  await app.page.keyboard.press("Enter");
  await expect(pictureNamed(app, "Picture: drawn scene (blue square, blue square)")).toBeVisible();
  await app.page.keyboard.press("Space"); // the same once more takes it away
  await expect(pictureNamed(app, "Picture: drawn scene (blue square)")).toBeVisible();

  await app.field("Response").selectOption("think first");
  await app.button("describe the picture .").click();
  await expect(app.field("Question")).toHaveValue("describe the picture .");
  await app.button("Ask").click();
  await app.answered();
  await expect(app.page.locator("#expected")).toHaveText("Right answer: blue square. ✓ right");
  await expect(app.answer).toHaveText("blue square");
});

test("what is drawn while the policy loads is not taken away by the first scene", async ({ page }) => {
  const app = new App(page);
  await page.goto("./");
  await app.button("Draw scene").click();
  await expect(pictureNamed(app, "Picture: drawn scene")).toBeVisible();
  await app.ready();
  await app.ask("how many circles ?"); // by when the scene would have come
  await expect(pictureNamed(app, "Picture: drawn scene")).toBeVisible();
});

test.describe("with the clipboard", () => {
  test.use({ permissions: ["clipboard-read", "clipboard-write"] });
  const clipboard = (app: App) => app.page.evaluate(() => navigator.clipboard.readText());

  test("a drawn scene is shared as a link, which opens with the same answer", async ({ app, context }) => {
    await app.button("Draw scene").click();
    await app.button("Row 3, column 3: empty").click();
    const things = await app.panel("Ask").getByRole("img").first().getAttribute("aria-label");
    await openSampling(app, { Temperature: 2, Seed: 77 });
    await app.field("Response").selectOption("think first");
    await app.field("Question").fill("how many red objects ?");
    await app.button("Ask").click();
    await app.answered();
    await app.button("Share").click();
    await expect(app.page.getByRole("status", { name: "Sharing" })).toHaveText("Link copied.");
    const url = await clipboard(app);
    expect(url).toContain("#ask?");

    const other = new App(await context.newPage());
    await other.page.goto(url);
    await other.ready();
    await expect(pictureNamed(other, things ?? "")).toBeVisible();
    await expect(other.field("Question")).toHaveValue("how many red objects ?");
    expect(await pixels(other)).toEqual(await pixels(app));
    await other.button("Ask").click();
    await other.answered();
    expect(await other.response()).toEqual(await app.response());
    await other.page.close();
  });

  test("a held-out scene is shared by its number; of a picture of one's own, only the question", async ({
    app,
  }) => {
    await app.button("Random scene").click();
    await expect(pictureNamed(app, "Picture: scene 2 ")).toBeVisible();
    await app.ask("how many circles ?");
    await app.button("Copy").click();
    await expect.poll(() => clipboard(app)).toContain("Question: how many circles ?");
    expect(await clipboard(app)).toContain(`Answer: ${await app.answer.textContent()}`);
    await app.button("Share").click();
    await expect.poll(() => clipboard(app)).toContain("scene=1&question=how+many+circles+%3F");
    const url = await clipboard(app);

    await app.chooseImage("mine.png", "image/png", gradient);
    await app.ask("what is it ?");
    await app.button("Share").click();
    await expect(app.page.getByRole("status", { name: "Sharing" })).toHaveText(
      "Link copied. Your picture is not in it.",
    );
    expect(await clipboard(app)).not.toContain("scene=");

    await app.page.goto(url); // in the page that is open: only what stands behind the # changes
    await expect(pictureNamed(app, "Picture: scene 2 ")).toBeVisible();
    await expect(app.field("Question")).toHaveValue("how many circles ?");
  });
});

test("answers of this visit are kept, and a question is taken back with its picture", async ({ app }) => {
  await app.ask("how many circles ?");
  const [first, answer] = [await pixels(app), (await app.answer.textContent()) ?? ""];
  await app.button("Random scene").click();
  await expect(pictureNamed(app, "Picture: scene 2 ")).toBeVisible();
  await openSampling(app, { Seed: 5 });
  await app.ask("how many squares ?");
  await app.page.getByText("Asked in this visit: 2").click();
  const [newest, oldest] = await app.panel("Ask").getByRole("listitem").all();
  await expect(newest).toContainText("how many squares ?");
  await expect(oldest).toContainText(`how many circles ? ${answer}`);
  await oldest.getByRole("button", { name: "Take back" }).click();
  await expect(pictureNamed(app, "Picture: scene 1 ")).toBeVisible();
  await expect(app.field("Question")).toHaveValue("how many circles ?");
  await expect(app.field("Seed")).toHaveValue("1");
  await expect(app.answer).toBeEmpty();
  expect(await pixels(app)).toEqual(first);
});

test("the system's own way to share is used where there is one", async ({ app }) => {
  await app.page.evaluate(() => {
    Object.defineProperty(navigator, "share", {
      value: (data: ShareData) => Promise.resolve(void (document.title = data.url ?? "")),
    });
  });
  await app.ask("how many circles ?");
  await app.button("Share").click();
  await expect(app.page).toHaveTitle(/#ask\?scene=0&question=how\+many\+circles/);
});
