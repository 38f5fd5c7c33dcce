import { join } from "node:path";
import type { Page } from "@playwright/test";
import { App, expect, png, test } from "./page.ts";

const gradient = png(70, 50, (x, y) => [x * 3, y * 5, 128]);

const pictureNamed = (app: App, name: string | RegExp) => app.page.getByRole("img", { name });
const tokens = (app: App, sample = 1) =>
  app.page.getByRole("group", { name: `Tokens of sample ${sample}` }).getByRole("button");

/** The pixels of the picture as it is drawn now. */
function pixels(app: App): Promise<string> {
  const canvas = app.panel("Ask").getByRole("img").first();
  return canvas.evaluate((element: HTMLCanvasElement) => element.toDataURL());
}

async function openSampling(app: App, fields: Record<string, number>): Promise<void> {
  if (!(await app.field("Temperature").isVisible()))
    await app.page.getByText("Sampling", { exact: true }).click();
  for (const [name, value] of Object.entries(fields)) await app.field(name).fill(String(value));
}

/** A picture of two colours as a JPEG file, as this browser writes it. */
async function jpeg(page: Page): Promise<Buffer> {
  const bytes = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(160, 120);
    const context = canvas.getContext("2d");
    if (!context) throw new Error("no canvas");
    context.fillStyle = "orange";
    context.fillRect(0, 0, 160, 120);
    context.fillStyle = "navy";
    context.fillRect(40, 30, 60, 60);
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
    return [...new Uint8Array(await blob.arrayBuffer())];
  });
  expect(bytes.slice(0, 3)).toEqual([0xff, 0xd8, 0xff]);
  return Buffer.from(bytes);
}

/** Gives files to the page as a drop or a paste of the user's does. */
async function hand(
  page: Page,
  how: "drop" | "paste",
  name: string,
  type: string,
  file: Buffer,
): Promise<void> {
  await page.evaluate(
    ({ how, name, type, bytes }) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(bytes)], name, { type }));
      const target = document.querySelector(".ask-tab");
      const event =
        how === "drop"
          ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
          : new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
      target?.dispatchEvent(event);
    },
    { how, name, type, bytes: [...file] },
  );
}

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
