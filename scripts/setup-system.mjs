/**
 * Brings what the tests need from the system, if it is not there: a Vulkan driver that WebGPU runs on in Node, and
 * Chromium. A machine that has a usable adapter and a browser is left as it is. Debian's packages, as root; anywhere
 * else it says what to install. `--dry-run` prints what would be done.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deriveBackports } from "./apt-sources.mjs";
import { DEBIAN_DRIVERS, findChromium } from "./system.mjs";

/** Dawn refuses the software driver of older Mesa releases. */
const OLDEST_MESA = 24;
const dryRun = process.argv.includes("--dry-run");

const adapter = probeAdapter();
const browser = findChromium();
if (adapter) say(`WebGPU adapter in Node: ${adapter}`);
if (browser) say(`Browser: ${browser}`);
if (!adapter || !browser) {
  if (!adapter)
    say("No usable WebGPU adapter in Node: needs mesa-vulkan-drivers (24 or newer) and libvulkan1.");
  if (!browser)
    say("No Chromium: needs the package chromium (it also holds SwiftShader, the tests' second adapter).");
  requireDebianRoot();
  install(!adapter, !browser);
}

/** @param {boolean} driver whether to install the Vulkan driver @param {boolean} chromium */
function install(driver, chromium) {
  apt(["update"]);
  if (driver) installDriver();
  // Without a font Chromium draws pages without text. Nothing else of what these packages recommend is needed.
  if (chromium) apt(["install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"]);
  if (dryRun) return;

  const found = probeAdapter();
  if (!found) {
    stop(
      `Still no usable WebGPU adapter. VK_DRIVER_FILES is ${process.env.VK_DRIVER_FILES ?? "not set"}, ` +
        `lavapipe's manifest ${DEBIAN_DRIVERS.lavapipe} ${existsSync(DEBIAN_DRIVERS.lavapipe) ? "exists" : "is missing"}.`,
    );
  }
  const path = findChromium();
  if (!path) stop("Still no Chromium. Install one, or set CHROMIUM to its executable.");
  say(`WebGPU adapter in Node: ${found}`);
  say(`Browser: ${path}`);
}

/** From the release itself where its Mesa is new enough, else from the release's backports. */
function installDriver() {
  const packages = ["mesa-vulkan-drivers", "libvulkan1"];
  const options = ["install", "-y", "--no-install-recommends"];
  if (candidateMajor("mesa-vulkan-drivers") >= OLDEST_MESA) {
    apt([...options, ...packages]);
    return;
  }
  const codename = debianCodename();
  if (!codename) {
    stop(
      `This system's mesa-vulkan-drivers is older than ${OLDEST_MESA}. Install a newer Mesa, then run this again.`,
    );
  }
  const added = deriveBackports(aptSources(), codename);
  if (added === undefined) {
    stop(
      `Found no apt entry for ${codename} in /etc/apt to derive its backports from. ` +
        `Add ${codename}-backports to apt's sources, then run this again.`,
    );
  }
  if (added !== "present") addSource(added);
  apt([...options, "-t", `${codename}-backports`, ...packages]);
}

/** @param {import("./apt-sources.mjs").SourceFile} source */
function addSource({ path, text }) {
  say(`Mesa of this release is too old for WebGPU, its backports have a newer one. Adding ${path}:`);
  console.log(text.replace(/^/gm, "  ").trimEnd());
  if (dryRun) return;
  writeFileSync(path, text);
  try {
    apt(["update"]);
  } catch (error) {
    rmSync(path); // a source that cannot be read would break every later use of apt
    say(`Removed ${path} again: apt could not read it.`);
    throw error;
  }
}

/** @returns {string | undefined} what the adapter calls itself; undefined when there is none */
function probeAdapter() {
  const script = join(import.meta.dirname, "probe-adapter.mjs");
  const { stdout, status } = spawnSync(process.execPath, [script], { encoding: "utf8", timeout: 60_000 });
  return status === 0 ? stdout.trim().split("\n").at(-1) : undefined;
}

/** @param {string} name @returns {number} major version that apt would install; 0 when it knows none */
function candidateMajor(name) {
  const policy = execFileSync("apt-cache", ["policy", name], { encoding: "utf8", env: aptEnvironment() });
  const version = /Candidate: (?:\d+:)?(\d+)/.exec(policy);
  return version ? Number(version[1]) : 0;
}

/** @returns {string | undefined} such as "bookworm"; undefined on anything but Debian */
function debianCodename() {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  if (!/^ID=debian$/m.test(release)) return undefined;
  return /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1];
}

function aptSources() {
  const folder = "/etc/apt/sources.list.d";
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const paths = names.filter((name) => /\.(sources|list)$/.test(name)).map((name) => join(folder, name));
  return ["/etc/apt/sources.list", ...paths]
    .filter((path) => existsSync(path))
    .map((path) => ({ path, text: readFileSync(path, "utf8") }));
}

function requireDebianRoot() {
  if (!existsSync("/usr/bin/apt-get")) {
    stop(
      "This system has no apt-get. Install Chromium or Chrome and a Vulkan driver (Mesa 24 or newer), then run this again.",
    );
  }
  if (!dryRun && process.getuid?.() !== 0) {
    stop(`Installing packages needs root. Run once: sudo ${process.execPath} scripts/setup-system.mjs`);
  }
}

/** @param {string[]} args */
function apt(args) {
  say(`apt-get ${args.join(" ")}`);
  if (dryRun) return;
  execFileSync("apt-get", args, { stdio: ["ignore", "inherit", "inherit"], env: aptEnvironment() });
}

function aptEnvironment() {
  return { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
}

/** @param {string} line */
function say(line) {
  console.log(`setup: ${line}`);
}

/** @param {string} reason @returns {never} */
function stop(reason) {
  console.error(`setup: ${reason}`);
  process.exit(1);
}
