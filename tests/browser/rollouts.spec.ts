import type { Locator } from "@playwright/test";
import { expect, test } from "./page.ts";

test.setTimeout(600_000);
test.describe.configure({ mode: "serial" });

/** The shipped recipe's temperature and a few samples: groups that differ inside, after a few seconds a step. */
const small = { steps: 3, seed: 3, scenes: 0, promptsPerStep: 3, numGenerations: 4, maxCompletionLength: 40 };

const cards = (panel: Locator) => panel.getByRole("article");

test("groups of every step: pictures, completions sorted by reward, filters, shades; also after a reload", async ({
  app,
}) => {
  const panel = await app.openTab("Rollouts");
  await expect(panel).toContainText("appears here, step by step");
  await app.train(small);
  await app.openTab("Rollouts");
  await expect(cards(panel)).toHaveCount(3, { timeout: 300_000 }); // live, from the first step on
  await app.openTab("Train");
  await expect(app.training).toHaveText(/Finished 3 steps/, { timeout: 300_000 });
  await app.openTab("Rollouts");

  const slider = panel.getByRole("slider", { name: /^Step/ });
  await expect(slider).toHaveValue("3");
  const first = cards(panel).first();
  await expect(first.getByRole("img", { name: /^Picture: shapes\/train\/\d+$/ })).toBeVisible();
  await expect(first.getByRole("heading")).toHaveText(/\w [?.]$/);
  await expect(first).toContainText("Right answer:");
  await expect(first.getByRole("listitem")).toHaveCount(4);
  for (const card of await cards(panel).all()) {
    const rewards = (await card.getByText(/^reward [\d.]+$/).allTextContents()).map((text) =>
      Number(text.slice("reward ".length)),
    );
    expect(rewards).toHaveLength(4);
    expect(rewards).toEqual([...rewards].sort((a, b) => b - a));
  }

  await slider.press("ArrowLeft");
  await expect(panel).toContainText("Step 2 of 3");
  await expect(app.button("Follow the newest")).toHaveAttribute("aria-pressed", "false");
  await slider.press("Home");
  await expect(panel).toContainText("Step 1 of 3");
  const texts = await cards(panel).allTextContents();
  const filters = panel.getByRole("group", { name: "Groups by outcome" });
  const counts = new Map<string, number>();
  for (const name of ["All right", "Mixed", "All wrong"]) {
    const button = filters.getByRole("button", { name: new RegExp(`^${name} ?\\d`) });
    await button.click();
    counts.set(name, Number(/\d+$/.exec((await button.textContent()) ?? "")?.[0]));
    await expect(cards(panel)).toHaveCount(counts.get(name) ?? -1);
  }
  expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(3);
  await filters.getByRole("button", { name: /^All ?3/ }).click();

  await app.field("Shade tokens by").selectOption("log-prob change since");
  await first.getByRole("button", { name: "Compute the change" }).click();
  // Drawn by the policy as it was before its first update: the trained one finds them likelier or less likely.
  await expect(first.locator("[title*='since']").first()).toBeVisible();
  const titles = await first
    .locator("[title*='since']")
    .evaluateAll((tokens) => tokens.map((token) => token.getAttribute("title") ?? ""));
  const changes = titles.map((title) => Number(/([+−]?[\d.]+) since/.exec(title)?.[1].replace("−", "-")));
  expect(changes.every(Number.isFinite)).toBe(true);
  expect(changes.some((change) => change !== 0)).toBe(true);
  await app.field("Shade tokens by").selectOption("advantage");

  await app.page.reload(); // the groups are read from the run's file now
  await app.openTab("Rollouts");
  await expect(cards(panel)).toHaveCount(3);
  await expect(panel).toContainText("Step 3 of 3");
  await slider.press("Home");
  await expect(panel).toContainText("Step 1 of 3");
  await expect.poll(() => cards(panel).allTextContents()).toEqual(texts);
});

test("a supervised run says that it has none", async ({ app }) => {
  await app.openTab("Train");
  await app.field("Recipe").selectOption("Toy: shown how (SFT)");
  await app.field("Steps").fill("2");
  await app.field("Test scenes").fill("0");
  await app.page.getByText("More settings").click();
  await app.field("Examples a step").fill("4");
  await app.button("Start training").click();
  await expect(app.training).toHaveText(/Finished 2 steps/, { timeout: 300_000 });
  await expect(
    app.panel("Train").getByRole("img", { name: /^Loss per step \(nats a token\): .* at step 2$/ }),
  ).toBeVisible();
  await expect(app.panel("Train")).toContainText("Here the loss is what counts");
  const panel = await app.openTab("Rollouts");
  await expect(panel).toContainText("This run is supervised");
  await expect(cards(panel)).toHaveCount(0);
});
