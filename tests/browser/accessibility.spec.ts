import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { expect, test } from "./page.ts";
import type { App, TabName } from "./page.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const tabs: TabName[] = ["Ask", "Train", "Rollouts", "Compare", "Data", "Synthesis", "Evaluate", "Device"];

/** What axe finds on the page as it stands, as lines; the page's security policy does not hold for the test's own tools. */
async function findings(app: App): Promise<string[]> {
  await app.page.evaluate(axe);
  const { violations } = await app.page.evaluate(() =>
    (globalThis as typeof globalThis & { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return violations.flatMap(({ id, impact, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${impact} ${id}: ${help}: ${html}: ${failureSummary}`),
  );
}

for (const scheme of ["light", "dark"] as const) {
  test(`axe finds nothing on any tab, ${scheme}`, async ({ app }) => {
    test.setTimeout(300_000);
    await app.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    for (const tab of tabs) {
      await app.openTab(tab);
      expect(await findings(app), tab).toEqual([]);
    }
    // With an answer and a run to show, on a phone.
    await app.page.setViewportSize({ width: 390, height: 844 });
    await app.ask("how many circles ?");
    await app.train({ steps: 1, scenes: 4, promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 8 });
    await expect(app.training).toHaveText(/Finished 1 step/, { timeout: 240_000 });
    await app.openTab("Data");
    await app.button("Make up 48 records").click();
    await app.button("Explain reward").click();
    await expect(app.page.getByText("Parts of the reward")).toBeVisible();
    await app.openTab("Synthesis");
    await app.button("Use 20 toy scenes").click();
    await app.button("Start synthesis").click();
    await expect(app.page.getByText("Complete: nothing is left to ask.")).toBeVisible();
    for (const tab of tabs) {
      await app.openTab(tab);
      expect(await findings(app), `${tab}, filled`).toEqual([]);
      const width = await app.page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, `${tab}: no sideways scrolling`).toBe(390);
    }
  });
}

test("the tabs are reached and changed by keyboard alone", async ({ app }) => {
  const { page } = app;
  await page.getByRole("tab", { name: "Ask", exact: true }).focus();
  for (const tab of [...tabs.slice(1), "Ask"] as TabName[]) {
    await page.keyboard.press("ArrowRight");
    await expect(page.getByRole("tab", { name: tab, exact: true })).toBeFocused();
    await expect(app.panel(tab)).toBeVisible();
  }
  await page.keyboard.press("End");
  await expect(app.panel("Device")).toBeVisible();
});
