import type { Page } from "@playwright/test";
import { expect, test } from "./page.ts";
import type { App } from "./page.ts";

test.setTimeout(300_000); // for machines with more to do; alone it takes a fraction

const small = { steps: 2, scenes: 4, promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 12 };
const finished = { timeout: 240_000 };

async function makeUp(app: App, action: string): Promise<void> {
  const panel = await app.openTab("Data");
  await app.button("Make up 48 records").click();
  await expect(panel.getByRole("status", { name: "Rows found" })).toHaveText("The first 12");
  await app.button(action).click();
  await expect(app.panel("Train")).toBeVisible();
}

/** A module of the user's, beside the page. */
async function serve(page: Page, name: string, text: string): Promise<void> {
  await page
    .context()
    .route(`**/${name}`, (route) => route.fulfill({ contentType: "text/javascript", body: text }));
}

test("made-up records are trained on, by reward and by demonstration; a reload asks for them again", async ({
  app,
}) => {
  await makeUp(app, "Train on these");
  await expect(app.page.getByRole("status", { name: "State of your records" })).toContainText("48 records");
  await app.train(small);
  await expect(app.training).toHaveText(/Finished 2 steps/, finished);
  const train = app.panel("Train");
  await expect(train.getByRole("img", { name: /^Well formed per step .* at step 2$/ })).toBeVisible();
  await expect(train.getByRole("region", { name: "Before and after" })).toContainText("held-out questions");
  const rollouts = await app.openTab("Rollouts");
  await expect(rollouts.getByRole("img", { name: /^Picture: records\// }).first()).toBeVisible();
  await expect(rollouts.getByText(/compared by (exact-match|object-multiset)/).first()).toBeVisible();
  const { before } = await app.downloadRun();
  expect(before.count).toBe(4);

  await makeUp(app, "Imitate these (SFT)");
  await app.train({ steps: 2, scenes: 0 });
  await expect(app.training).toHaveText(/Finished 2 steps/, finished);

  await app.train({ steps: 50 });
  await expect(app.training).toHaveText(/Step \d+ of 50/, finished);
  await app.page.reload();
  await app.openTab("Train");
  const saved = app.page.getByRole("region", { name: "Saved run" });
  await expect(saved).toContainText("open the same files in the tab Data: made-up.jsonl and 48 files");
  await expect(saved.getByRole("button", { name: /^Go on/ })).toBeDisabled();
  await makeUp(app, "Imitate these (SFT)");
  await saved.getByRole("button", { name: /^Go on/ }).click();
  await expect(app.training).toHaveText(/Step \d+ of 50/, finished);
  await app.button("Stop training").click();
  await expect(app.training).toHaveText(/Stopped after step \d+ of 50/);
});

test("a reward and an objective of the user's are fetched by the workers", async ({ app }) => {
  await serve(app.page, "own-reward.js", "export default ({ text }) => (text.length % 2) / 2;");
  await serve(
    app.page,
    "own-objective.js",
    `export default ({ logp, advantages, weights }, { scale }) => ({
      loss: 0,
      dlogp: logp.map((_, t) => -scale * advantages[t] * weights[t]),
      stats: { scale },
    });`,
  );
  await makeUp(app, "Train on these");
  await app.panel("Train").getByText("Reward", { exact: true }).first().click();
  await app.field("Your own reward, a module’s address").fill("./own-reward.js");
  await app.field("It rewards all records").check();
  await app.train({ ...small, scenes: 0, objective: { module: "./own-objective.js", scale: 2 } });
  await expect(app.training).toHaveText(/Finished 2 steps/, finished);
  const { metrics } = await app.downloadRun();
  expect(metrics).toHaveLength(2);
  expect(Object.keys(metrics[0])).toContain("rewards/custom/mean");
  expect(metrics[0]).toMatchObject({ "objective/scale": 2 });
});
