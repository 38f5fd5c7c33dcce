import { expect, test } from "./page.ts";

test("toy scenes become records without a model, and open as a data set", async ({ app }) => {
  const panel = await app.openTab("Synthesis");
  await app.button("Use 20 toy scenes").click();
  await app.button("Start synthesis").click();
  await expect(panel.getByRole("status", { name: "Synthesis status" })).toHaveText(
    "Complete: nothing is left to ask.",
  );
  const records = panel.getByRole("region", { name: "Records" });
  await expect(records.getByRole("heading")).toHaveText(/^[3-6]\d records$/);
  const made = Number(/\d+/.exec(await records.getByRole("heading").innerText())?.[0]);

  // The models' answers are kept: the same again asks nothing.
  await app.page.reload();
  await app.openTab("Synthesis");
  await expect(records.getByRole("heading")).toHaveText(`${made} records`);
  await app.button("Use 20 toy scenes").click();
  await app.button("Start synthesis").click();
  await expect(panel.getByRole("status", { name: "Synthesis status" })).toContainText("Complete");
  const describe = panel.getByRole("row", { name: /^describe/ });
  await expect(describe.getByRole("cell").nth(3)).toHaveText("0");

  await app.button("Open in Data").click();
  await expect(app.panel("Data").getByRole("region", { name: "What is in it" })).toContainText(
    `Rows${made}Taken${made}`,
  );
});

test("an endpoint that refuses stops the synthesis in words, without the key", async ({ app }) => {
  const asked: string[] = [];
  await app.page.context().route("https://models.example/**", async (route) => {
    asked.push(route.request().headers().authorization ?? "none");
    await route.fulfill({
      status: 401,
      headers: { "access-control-allow-origin": "*", "access-control-allow-headers": "*" },
      json: { error: { message: "no such key" } },
    });
  });
  const panel = await app.openTab("Synthesis");
  await app.button("Use 20 toy scenes").click();
  await panel.getByLabel(/^Without a model/).uncheck();
  await expect(app.button("Start synthesis")).toBeDisabled();
  await app.field("Address").fill("https://models.example/v1");
  await app.field("Name of the model").fill("seer");
  await app.field("Key").fill("secret-1234");
  await app.button("Start synthesis").click();
  await expect(app.alert).toContainText("401");
  await expect(app.alert).not.toContainText("secret-1234");
  expect(asked).toContain("Bearer secret-1234");
  const kept = await app.page.evaluate(() => JSON.stringify(Object.entries(localStorage)));
  expect(kept).not.toContain("secret-1234");
  await expect(app.button("Start synthesis")).toBeEnabled();
});
