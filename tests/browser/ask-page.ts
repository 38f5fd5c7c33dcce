/** The tab “Ask” as its tests use it. */
import type { Page } from "@playwright/test";
import { expect, png } from "./page.ts";
import type { App } from "./page.ts";

/** A PNG file. */
export const gradient = png(70, 50, (x, y) => [x * 3, y * 5, 128]);

export const pictureNamed = (app: App, name: string | RegExp) => app.page.getByRole("img", { name });
/** The buttons that a sample's tokens are. */
export const tokens = (app: App, sample = 1) =>
  app.page.getByRole("group", { name: `Tokens of sample ${sample}` }).getByRole("button");

/** The pixels of the picture as it is drawn now. */
export function pixels(app: App): Promise<string> {
  const canvas = app.panel("Ask").getByRole("img").first();
  return canvas.evaluate((element: HTMLCanvasElement) => element.toDataURL());
}

/** Fills fields of the fold “Sampling”. */
export async function openSampling(app: App, fields: Record<string, number>): Promise<void> {
  if (!(await app.field("Temperature").isVisible()))
    await app.page.getByText("Sampling", { exact: true }).click();
  for (const [name, value] of Object.entries(fields)) await app.field(name).fill(String(value));
}

/** A picture of two colours as a JPEG file, as this browser writes it. */
export async function jpeg(page: Page): Promise<Buffer> {
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
export async function hand(
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
