/** The page as the tests use it: ready, watched for errors, with its parts by the names that users know. */
import { crc32, deflateSync } from "node:zlib";
import { test as base, expect } from "@playwright/test";
import type { Locator, Page } from "@playwright/test";

/** A page whose console must stay free of errors. */
export const test = base.extend<{ app: App }>({
  app: async ({ page }, use) => {
    const errors: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    page.on("pageerror", (error) => errors.push(`uncaught ${error.message}`));
    await page.goto("./");
    const app = new App(page);
    await expect(app.button("Ask")).toBeEnabled();
    await use(app);
    expect(errors, "errors in the console").toEqual([]);
  },
});

export class App {
  constructor(readonly page: Page) {}

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  get answer(): Locator {
    return this.page.getByRole("status", { name: "Answer" });
  }

  get training(): Locator {
    return this.page.getByRole("status", { name: "Training status" });
  }

  field(name: string): Locator {
    return this.page.getByLabel(name, { exact: true });
  }

  async chooseImage(name: string, mimeType: string, buffer: Buffer): Promise<void> {
    await this.field("Choose image").setInputFiles({ name, mimeType, buffer });
  }

  /** Sets the number fields of the training form. */
  async recipe(values: Record<string, number>): Promise<void> {
    const form = this.page.locator("#train-form");
    for (const [name, value] of Object.entries(values))
      await form.getByLabel(name, { exact: true }).fill(String(value));
  }

  /** Collects the reward of every step from now on, as the status line shows it. */
  async collectRewards(): Promise<() => Promise<Map<number, number>>> {
    const handle = await this.training.evaluateHandle((line) => {
      const seen: [number, number][] = [];
      new MutationObserver(() => {
        const [, step, reward] = /Step (\d+) of \d+: reward (\d+\.\d+)/.exec(line.textContent) ?? [];
        if (step !== undefined) seen.push([Number(step), Number(reward)]);
      }).observe(line, { childList: true, characterData: true, subtree: true });
      return seen;
    });
    return async () => new Map(await handle.jsonValue());
  }
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
