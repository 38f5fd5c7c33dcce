import { describe, expect, test } from "vitest";
import { describeBrowser, detectBrowser, helpFor } from "../../demo/device/browser.ts";

const chromeMac =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36";
const safariMac =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";
const agents: [name: string, userAgent: string, touch: number, said: string, help: string | undefined][] = [
  [
    "Chrome on Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36",
    0,
    "Chrome 144 on Windows",
    "chromium",
  ],
  [
    "Edge on Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36 Edg/144.0.0.0",
    0,
    "Edge 144 on Windows",
    "chromium",
  ],
  ["Chrome on a Mac", chromeMac, 0, "Chrome 144 on a Mac", "chromium"],
  [
    "Chromium on Linux, headless",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/144.0.0.0 Safari/537.36",
    0,
    "Chrome 144 on Linux",
    "linux",
  ],
  [
    "Chrome on ChromeOS",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36",
    0,
    "Chrome 144 on ChromeOS",
    "chromium",
  ],
  [
    "Chrome on Android",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Mobile Safari/537.36",
    5,
    "Chrome 144 on Android",
    "android",
  ],
  [
    "Samsung Internet",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
    5,
    "Samsung Internet 29 on Android",
    "android",
  ],
  ["Safari on a Mac", safariMac, 0, "Safari 26 on a Mac", "safari"],
  ["Safari on an iPad, which says that it is a Mac", safariMac, 5, "Safari 26 on an iPhone or iPad", "ios"],
  [
    "Safari on an iPhone",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    5,
    "Safari 26 on an iPhone or iPad",
    "ios",
  ],
  [
    "Chrome on an iPhone",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/144.0.0.0 Mobile/15E148 Safari/604.1",
    5,
    "Chrome 144 on an iPhone or iPad",
    "ios",
  ],
  [
    "Firefox on Linux",
    "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0",
    0,
    "Firefox 147 on Linux",
    "firefox",
  ],
  [
    "Firefox on Android",
    "Mozilla/5.0 (Android 14; Mobile; rv:147.0) Gecko/147.0 Firefox/147.0",
    5,
    "Firefox 147 on Android",
    "android", // its own section says nothing of Android
  ],
  ["something else", "curl/8.0", 0, "This browser on an unknown system", undefined],
];

test.each(agents)("%s is known, and helped first", (_, userAgent, maxTouchPoints, said, help) => {
  const browser = detectBrowser({ userAgent, maxTouchPoints });
  expect(describeBrowser(browser)).toBe(said);
  expect(helpFor(browser).own?.id).toBe(help);
});

describe("help", () => {
  test("no section is lost or told twice, whichever browser it is", () => {
    const all = helpFor(detectBrowser({ userAgent: "curl/8.0", maxTouchPoints: 0 })).others;
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const [, userAgent, maxTouchPoints] of agents) {
      const { own, others } = helpFor(detectBrowser({ userAgent, maxTouchPoints }));
      const told = [...(own ? [own] : []), ...others].map(({ id }) => id);
      expect([...told].sort()).toEqual(all.map(({ id }) => id).sort());
    }
  });

  test("every browser of the support table is there, with the version it began with", () => {
    const text = JSON.stringify(helpFor(detectBrowser({ userAgent: "curl/8.0", maxTouchPoints: 0 })).others);
    for (const said of ["113", "--enable-unsafe-webgpu", "121", "Safari 26", "iOS 26", "141", "about:config"])
      expect(text).toContain(said);
  });
});
