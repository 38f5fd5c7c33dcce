/**
 * What this machine has of the things that tests need: browsers and Vulkan drivers. Only looks, never changes anything.
 */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { chromium } from "@playwright/test";

/** Where distributions and installers put Chromium or Chrome. */
const BROWSERS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** Folders in which the Vulkan loader looks for drivers. */
const DRIVER_FOLDERS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/** Folders that hold a Chromium, and with it SwiftShader. */
const BROWSER_FOLDERS = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];

/** Where the drivers of Debian's packages lie: named when they are missing. */
export const DEBIAN_DRIVERS = {
  lavapipe: "/usr/share/vulkan/icd.d/lvp_icd.json",
  swiftshader: "/usr/lib/chromium/vk_swiftshader_icd.json",
};

/**
 * The browser for tests: `CHROMIUM` if set, else one installed on the system, else one that Playwright has brought.
 * @returns {string | undefined} path of the executable
 */
export function findChromium() {
  const chosen = process.env.CHROMIUM;
  if (chosen) {
    if (existsSync(chosen)) return chosen;
    throw new Error(
      `CHROMIUM: got ${chosen}, which does not exist, expected the path of a Chromium executable`,
    );
  }
  return [...BROWSERS, chromium.executablePath()].find((path) => path && existsSync(path));
}

/**
 * The manifest of a software Vulkan driver, for `VK_DRIVER_FILES`.
 * @param {"lavapipe" | "swiftshader"} name
 * @returns {string | undefined}
 */
export function findDriver(name) {
  if (name === "lavapipe") return findLavapipe();
  const browser = findChromium();
  const folders = browser ? [...BROWSER_FOLDERS, dirname(browser)] : BROWSER_FOLDERS;
  return folders.map((folder) => join(folder, "vk_swiftshader_icd.json")).find((path) => existsSync(path));
}

/** Mesa names the manifest lvp_icd.json, newer packages lvp_icd.<architecture>.json. */
function findLavapipe() {
  for (const folder of DRIVER_FOLDERS.filter((path) => existsSync(path))) {
    const file = readdirSync(folder).find((name) => /^lvp_icd(\.\w+)?\.json$/.test(name));
    if (file) return join(folder, file);
  }
  return undefined;
}
