import { expect, test } from "./page.ts";

test.setTimeout(480_000);

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test("training makes the reward climb; pause, resume, stop and go on; the trained policy answers", async ({
  app,
}, info) => {
  const steps = 26;
  await app.page.screenshot({ path: info.outputPath("begin-1280.png"), fullPage: true });
  await app.recipe({ Steps: steps, "Learning rate": 0.003 });
  const rewards = await app.collectRewards();
  await app.button("Start training").click();
  await expect(app.training).toHaveText(/Step 3 of/, { timeout: 120_000 });

  await app.button("Pause").click();
  await expect(app.training).toHaveText(/Paused after step \d+ of/);
  const paused = await app.training.textContent();
  await app.button("Random scene").click();
  await app.button("Ask").click(); // answered while the run stands still
  await expect(app.page.locator("#answer-note")).toHaveText(/cut at the limit|ended by itself/);
  await expect(app.training).toHaveText(paused ?? "");
  await app.button("Resume").click();
  await expect(app.training).toHaveText(/Step [6-9] of/, { timeout: 120_000 });

  await app.button("Stop training").click();
  await expect(app.training).toHaveText(/Stopped after step \d+ of 26/);
  const stopped = Number(/step (\d+)/.exec((await app.training.textContent()) ?? "")?.[1]);
  expect(stopped).toBeLessThan(steps);
  await app.button("Start training").click();
  await expect(app.training).toHaveText(
    `Finished ${steps} steps. The policy that answers is the trained one.`,
    { timeout: 300_000 },
  );

  const seen = await rewards();
  expect([...seen.keys()], "every step once, in order, across pause and stop").toEqual(
    Array.from({ length: steps }, (_, i) => i + 1),
  );
  const values = [...seen.values()];
  const [before, after] = [mean(values.slice(0, 5)), mean(values.slice(-5))];
  info.annotations.push({ type: "reward", description: `${before.toFixed(3)} → ${after.toFixed(3)}` });
  console.log(
    `mean reward of the first five steps ${before.toFixed(3)}, of the last five ${after.toFixed(3)}`,
  );
  expect(after).toBeGreaterThan(before + 0.4);

  await expect(
    app.page.getByRole("img", { name: new RegExp(`^Reward per step: .* at step ${steps}$`) }),
  ).toBeVisible();
  for (const label of ["Reward std", "Entropy", "Gradient norm", "Tokens / second"]) {
    await expect(app.page.locator("#numbers").getByText(label, { exact: true })).toBeVisible();
  }
  await expect(app.page.locator("#rollouts li")).toHaveCount(16);
  await app.page.getByText("Memory plan").click();
  await expect(app.page.locator("#plan-rows tr.total")).toContainText("MB");

  await app.button("Ask").click();
  await expect(app.page.locator("#answer-note")).toHaveText(/cut at the limit|ended by itself/);
  const answer = (await app.answer.textContent()) ?? "";
  expect([...answer].filter((c) => "aeiou".includes(c)).length / answer.length).toBeGreaterThan(0.6);

  for (const [name, width, scheme] of [
    ["light-1280", 1280, "light"],
    ["dark-1280", 1280, "dark"],
    ["light-390", 390, "light"],
  ] as const) {
    await app.page.emulateMedia({ colorScheme: scheme });
    await app.page.setViewportSize({ width, height: 900 });
    expect(await app.page.evaluate(() => document.documentElement.scrollWidth), "no sideways scrolling").toBe(
      width,
    );
    await app.page.screenshot({ path: info.outputPath(`${name}.png`), fullPage: true });
  }
});

test("a recipe that is none is refused in words, and a right one starts", async ({ app }) => {
  await app.page.locator("#steps").evaluate((input: HTMLInputElement) => input.removeAttribute("min"));
  await app.recipe({ Steps: 0 });
  await app.button("Start training").click();
  await expect(app.page.getByRole("alert")).toContainText("InvalidOptionError: recipe: steps");
  await app.recipe({ Steps: 1, "Answers per prompt": 2, "Tokens per answer": 4 });
  await app.button("Start training").click();
  await expect(app.training).toHaveText(/Finished 1 steps/, { timeout: 120_000 });
  await app.button("Start over").click();
  await expect(app.training).toHaveText("Not started.");
  await expect(app.button("Start training")).toBeEnabled();
});
