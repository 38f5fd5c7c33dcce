/** The page as the tests use it: ready, watched for errors, with its parts by the names that users know. */
import { readFile } from "node:fs/promises";
import { crc32, deflateSync } from "node:zlib";
import { test as base, expect } from "@playwright/test";
import type { Locator, Page } from "@playwright/test";

/** A page whose console must stay free of errors. */
export const test = base.extend<{ app: App }>({
  app: async ({ page }, use) => {
    const errors = watchConsole(page);
    await use(await App.open(page));
    expect(errors, "errors in the console").toEqual([]);
  },
});

/** Collects what a page reports as an error. */
export function watchConsole(page: Page): string[] {
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(`uncaught ${error.message}`));
  return errors;
}

export type TabName = "Ask" | "Train" | "Rollouts" | "Compare" | "Data" | "Synthesis" | "Evaluate" | "Device";

export class App {
  constructor(readonly page: Page) {}

  /**
   * Opens the page, and waits until its policy is ready.
   * @param place a tab's address, such as `#train`.
   */
  static async open(page: Page, place = ""): Promise<App> {
    await page.goto(`./${place}`);
    const app = new App(page);
    await app.ready();
    return app;
  }

  /** Waits until a policy can be used. */
  async ready(): Promise<void> {
    await expect(this.policy).toHaveText(/^(?!Starting|Loading|The GPU was lost|No policy)/);
  }

  /** Opens a tab as a user does, and gives its panel. */
  async openTab(name: TabName): Promise<Locator> {
    await this.page.getByRole("tab", { name, exact: true }).click();
    const panel = this.panel(name);
    await expect(panel).toBeVisible();
    return panel;
  }

  panel(name: TabName): Locator {
    return this.page.getByRole("tabpanel", { name, exact: true });
  }

  /** A button of the tab that is shown. */
  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** A field of the tab that is shown. */
  field(name: string): Locator {
    return this.page.getByLabel(name, { exact: true }).filter({ visible: true });
  }

  /** What is told as an error in the tab that is shown. */
  get alert(): Locator {
    return this.page.getByRole("alert");
  }

  get policy(): Locator {
    return this.page.getByRole("status", { name: "Policy status" });
  }

  get answer(): Locator {
    return this.page.getByRole("status", { name: "Answer" });
  }

  get training(): Locator {
    return this.page.getByRole("status", { name: "Training status" });
  }

  async chooseImage(name: string, mimeType: string, buffer: Buffer): Promise<void> {
    await this.page.getByLabel("Choose image", { exact: true }).setInputFiles({ name, mimeType, buffer });
  }

  /** Asks a question under “Ask”, and waits for the end of the answer. */
  async ask(question: string): Promise<void> {
    await this.openTab("Ask");
    await this.field("Question").fill(question);
    await this.button("Ask").click();
    await this.answered();
  }

  /** Waits for the end of an answer. */
  async answered(): Promise<void> {
    await expect(this.page.locator("#answer-note")).toHaveText(/cut at the limit|ended by itself/);
  }

  /** Reasoning and answer, as they are shown. */
  async response(): Promise<string> {
    const parts = [this.page.locator("#thoughts"), this.answer].map((part) => part.textContent());
    return (await Promise.all(parts)).join(" | ");
  }

  /** Fills the recipe's form: the JSON first, then the fields, which write into it. */
  async recipe({ steps, seed, scenes, ...grpo }: RecipeFields): Promise<void> {
    await this.openTab("Train");
    if (Object.keys(grpo).length > 0) {
      const json = this.page.getByLabel("Recipe as JSON", { exact: true });
      if (!(await json.isVisible())) await this.page.getByText("The whole recipe").click();
      const recipe = JSON.parse(await json.inputValue()) as { grpo: object };
      await json.fill(JSON.stringify({ ...recipe, grpo: { ...recipe.grpo, ...grpo } }, null, 2));
    }
    for (const [name, value] of Object.entries({ Steps: steps, Seed: seed, "Test scenes": scenes }))
      if (value !== undefined) await this.field(name).fill(String(value));
  }

  /** Starts a run under “Train”. */
  async train(fields: RecipeFields): Promise<void> {
    await this.recipe(fields);
    await this.button("Start training").click();
  }

  /** What “Download run” gives, under “Compare”. */
  async downloadRun(): Promise<RunFile> {
    await this.openTab("Compare");
    const downloading = this.page.waitForEvent("download");
    await this.button("Download run").click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe("run.json");
    const path = await download.path();
    return { path, ...(JSON.parse(await readFile(path, "utf8")) as Omit<RunFile, "path">) };
  }
}

export interface RecipeFields {
  steps?: number;
  seed?: number;
  scenes?: number;
  [option: string]: unknown;
}

/** What tests look at of a run.json. */
export interface RunFile {
  path: string;
  weightsSha256: string;
  steps: number;
  metrics: { digest: string; reward: number }[];
  before: { accuracy: number; count: number };
  after: { accuracy: number; count: number };
}

/** A PNG file: 8-bit RGB, the colour of each pixel given by its place. */
export function png(
  width: number,
  height: number,
  colour: (x: number, y: number) => readonly number[],
): Buffer {
  const rows = Array.from({ length: height }, (_, y) => [
    0,
    ...Array.from({ length: width }, (__, x) => colour(x, y)).flat(),
  ]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.from(rows.flat()))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

export { expect };
