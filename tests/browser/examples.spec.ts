/** The examples, built from the packed package: each asks about a picture and trains, in a page without configuration. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import type { Page } from "@playwright/test";
import { buildVite, buildWebpack, installExamples, serveFolder, serveVite } from "../../scripts/examples.mjs";
import { png } from "./page.ts";

const folder = mkdtempSync(join(tmpdir(), "thinktab-examples-"));

test.describe.configure({ timeout: 300_000 });
test.beforeAll(() => {
  test.setTimeout(300_000);
  installExamples(folder);
});
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

const apps = {
  "Vite, developing": () => serveVite(folder),
  "Vite, built": async () => serveFolder(await buildVite(folder)),
  webpack: async () => serveFolder(await buildWebpack(folder)),
  "a plain page": () => serveFolder(join(folder, "plain")),
};

for (const [name, serve] of Object.entries(apps)) {
  test(`${name}: asks about a picture, trains, frees the GPU; the same on a device of the page's own`, async ({
    page,
  }) => {
    const errors = errorsOf(page);
    const { url, close } = await serve();
    try {
      await page.goto(url);
      await drive(page);
      await page.goto(new URL("own-device.html", url).href);
      await expect(page.locator("body")).toHaveText(/^\{/);
      expect(JSON.parse(await page.innerText("body"))).toEqual({
        tokens: expect.any(Number),
        events: expect.arrayContaining(["rollouts", "step", "finished"]),
        lost: false,
      });
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });
}

async function drive(page: Page): Promise<void> {
  const state = page.locator("#state");
  const button = (text: string) => page.getByRole("button", { name: text, exact: true });
  await expect(state).toHaveText(/^Ready on/);

  // A scene of the task's own, then a file.
  await button("Ask").click();
  await expect(page.getByLabel("Answer")).toHaveText(/answer/);
  await expect(button("Ask")).toBeEnabled();
  const red = png(96, 96, () => [200, 20, 20]);
  await page
    .getByLabel("or a picture of yours")
    .setInputFiles({ name: "red.png", mimeType: "image/png", buffer: red });
  await page.getByLabel("Question").fill("how many circles ?");
  await button("Ask").click();
  await expect(button("Ask")).toBeDisabled();
  await expect(button("Ask")).toBeEnabled();
  await expect(page.getByLabel("Answer")).toHaveText(/\S/);

  await page.getByLabel("Steps").fill("2");
  await button("Train").click();
  await expect(page.getByLabel("Training")).toHaveText(/^Done: \d+% right answers before, \d+% after$/, {
    timeout: 150_000, // two steps of 64 answers each, on a processor
  });

  await button("Free the GPU").click();
  await expect(state).toHaveText(/^Freed/);
}

function errorsOf(page: Page): string[] {
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => errors.push(`uncaught ${error.message}`));
  return errors;
}
