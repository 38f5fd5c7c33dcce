import { App, expect, test, watchConsole } from "./page.ts";

test("after one visit the page works without a network: loads, answers and trains", async ({ app }) => {
  const { page } = app;
  // What the offline copy takes has been fetched when the worker is active.
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await page.context().setOffline(true);
  const reloaded = await App.open(page);
  await reloaded.ask("how many circles ?");
  expect((await reloaded.response()).length).toBeGreaterThan(3);
  for (const tab of ["Rollouts", "Compare", "Device"] as const) await reloaded.openTab(tab);
  await reloaded.train({ steps: 1, scenes: 0, promptsPerStep: 2, numGenerations: 2, maxCompletionLength: 8 });
  await expect(reloaded.training).toHaveText(/Finished 1 step/, { timeout: 240_000 });
});

test("the page asks nobody but its own origin, and obeys its own security policy", async ({ page }) => {
  const errors = watchConsole(page);
  const foreign: string[] = [];
  const origins = new Set<string>();
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http")) origins.add(origin);
    else if (protocol !== "data:" && protocol !== "blob:") foreign.push(request.url());
  });
  const app = await App.open(page);
  await app.ask("how many squares ?");
  for (const tab of ["Train", "Rollouts", "Compare", "Device"] as const) await app.openTab(tab);
  expect([...origins]).toEqual([new URL(page.url()).origin]);
  expect(foreign).toEqual([]);
  const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute("content");
  expect(policy).toContain("script-src 'self'");
  expect(policy).toContain("worker-src 'self'");
  expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline/);
  expect(errors).toEqual([]);
});
