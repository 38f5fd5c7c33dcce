/** Which browser this is, and what to do in each where WebGPU is missing. */

export type System = "windows" | "mac" | "linux" | "chromeos" | "android" | "ios" | "other";
export type Engine = "chromium" | "firefox" | "safari" | "other";

export interface Browser {
  /** What it calls itself: "Chrome", "Edge", "Firefox", "Safari", …; "This browser" when it does not say. */
  title: string;
  version: number | null;
  engine: Engine;
  system: System;
}

/** What of `navigator` tells browsers apart. */
export interface NavigatorFacts {
  userAgent: string;
  maxTouchPoints: number;
}

/** Names in user agents, the more special first: Edge and Opera say that they are Chrome, Chrome that it is Safari. */
const products: readonly [pattern: RegExp, title: string, engine: Engine][] = [
  [/\bEdg(?:A|iOS)?\/(\d+)/, "Edge", "chromium"],
  [/\bOPR\/(\d+)/, "Opera", "chromium"],
  [/\bSamsungBrowser\/(\d+)/, "Samsung Internet", "chromium"],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, "Firefox", "firefox"],
  [/\b(?:HeadlessChrome|Chrome|CriOS|Chromium)\/(\d+)/, "Chrome", "chromium"],
  [/\bVersion\/(\d+)\S* (?:Mobile\/\S+ )?Safari\//, "Safari", "safari"],
];

const systems: readonly [pattern: RegExp, system: System][] = [
  [/\b(iPhone|iPad|iPod)\b/, "ios"],
  [/\bAndroid\b/, "android"],
  [/\bCrOS\b/, "chromeos"],
  [/\bWindows\b/, "windows"],
  [/\bMacintosh\b/, "mac"],
  [/\bLinux\b/, "linux"],
];

export function detectBrowser({ userAgent, maxTouchPoints }: NavigatorFacts): Browser {
  const named = systems.find(([pattern]) => pattern.test(userAgent))?.[1] ?? "other";
  // An iPad says that it is a Mac; no Mac has a touch screen.
  const system = named === "mac" && maxTouchPoints > 1 ? "ios" : named;
  for (const [pattern, title, engine] of products) {
    const version = pattern.exec(userAgent)?.[1];
    // On iPhones and iPads every browser is WebKit underneath.
    if (version !== undefined)
      return { title, version: Number(version), engine: system === "ios" ? "safari" : engine, system };
  }
  return { title: "This browser", version: null, engine: "other", system };
}

const systemTitles: Record<System, string> = {
  windows: "Windows",
  mac: "a Mac",
  linux: "Linux",
  chromeos: "ChromeOS",
  android: "Android",
  ios: "an iPhone or iPad",
  other: "an unknown system",
};

/** "Chrome 144 on Linux". */
export function describeBrowser({ title, version, system }: Browser): string {
  return `${[title, version].filter((part) => part !== null).join(" ")} on ${systemTitles[system]}`;
}

export interface HelpSection {
  id: "chromium" | "linux" | "android" | "safari" | "ios" | "firefox";
  title: string;
  steps: readonly string[];
  /** A command to copy. */
  code?: string;
}

/** Versions as the makers of the browsers state them. */
export const statusPage = "https://github.com/gpuweb/gpuweb/wiki/Implementation-Status";

const sections: readonly HelpSection[] = [
  {
    id: "chromium",
    title: "Chrome, Edge, Opera on Windows, Mac, ChromeOS",
    steps: [
      "On since version 113. Update the browser if yours is older.",
      "Settings → System: “Use graphics acceleration when available” must be on. Restart the browser after changing it.",
      "chrome://gpu says why a GPU is blocked, as a rule for its old driver: update the graphics driver.",
      "Windows on ARM: switch on chrome://flags/#enable-unsafe-webgpu.",
    ],
  },
  {
    id: "linux",
    title: "Chrome, Chromium, Edge on Linux",
    steps: [
      "On since 144 for Intel GPUs from the 12th generation, since 147 for NVIDIA with driver 535.183.01 or newer.",
      "For other GPUs switch on chrome://flags/#enable-unsafe-webgpu, or start the browser with the flags below.",
      "It needs a Vulkan driver: “vulkaninfo --summary” lists the devices; Mesa’s drivers are in mesa-vulkan-drivers.",
      "Without any GPU, --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader computes on the processor: slow, but everything works.",
    ],
    code: "google-chrome --enable-unsafe-webgpu --ozone-platform=x11 --use-angle=vulkan --enable-features=Vulkan,VulkanFromANGLE",
  },
  {
    id: "android",
    title: "Chrome on Android",
    steps: [
      "Firefox on Android has no WebGPU yet: take Chrome there.",
      "On since 121 with Android 12 and newer on Qualcomm, ARM and Intel GPUs, since 139 with Android 16 on Imagination’s.",
      "chrome://gpu says whether the GPU is blocked.",
    ],
  },
  {
    id: "safari",
    title: "Safari on a Mac",
    steps: [
      "Safari 26 on macOS 26 and newer has it.",
      "On an older macOS take Chrome or Edge, or Firefox 147 on Apple silicon.",
    ],
  },
  {
    id: "ios",
    title: "iPhone and iPad, any browser",
    steps: [
      "iOS 26 and iPadOS 26 have it, in every browser: all of them are Safari underneath. Older systems need the update.",
      "Lockdown Mode takes WebGPU away.",
      "iOS ends a page that takes about 1.5 GB. The toy policy takes far less.",
    ],
  },
  {
    id: "firefox",
    title: "Firefox",
    steps: [
      "On since 141 on Windows, since 145 on macOS 26 with Apple silicon, since 147 on older macOS with Apple silicon.",
      "On Linux and on Intel Macs take Firefox Nightly, or Chrome.",
      "about:config: dom.webgpu.enabled must be true. about:support says under “Graphics” why a GPU is blocked.",
    ],
  },
];

/** The section for this browser first, the others behind it. */
export function helpFor({ engine, system }: Browser): { own: HelpSection | null; others: HelpSection[] } {
  const own = sections.find(({ id }) => id === sectionOf(engine, system)) ?? null;
  return { own, others: sections.filter((section) => section !== own) };
}

function sectionOf(engine: Engine, system: System): HelpSection["id"] | null {
  if (system === "ios") return "ios";
  if (system === "android") return "android";
  if (engine === "firefox") return "firefox";
  if (engine === "safari") return "safari";
  if (engine === "chromium") return system === "linux" ? "linux" : "chromium";
  return null;
}
