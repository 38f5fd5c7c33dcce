/** What there is to say of a run's record, and in what two of them differ. */
import { compareRuns, trainingOf } from "../../workers/client.ts";
import type { RunComparison, RunRecipe, RunRecord } from "../../workers/client.ts";
import { describeBrowser, detectBrowser } from "../device/browser.ts";
import { showDuration, showNumber, showPercent } from "../components/format.ts";

/** One line of a run: what it is called, and what it says; a mono value is compared letter by letter. */
export interface Fact {
  name: string;
  value: string;
  mono?: boolean;
}

export function runFacts(record: RunRecord): Fact[] {
  const { recipe, before, after, metrics } = record;
  const { learningRate } = trainingOf(recipe);
  const accuracy = before && after ? `${showPercent(before.accuracy)} → ${showPercent(after.accuracy)}` : "–";
  return [
    { name: "Training", value: "sft" in recipe ? "supervised (SFT)" : "GRPO" },
    { name: "Task", value: recipe.task.name },
    { name: "Policy", value: record.model },
    { name: "Steps", value: String(record.steps) },
    { name: "Seed", value: String(record.seed) },
    { name: "Learning rate", value: showNumber(learningRate) },
    { name: "Right answers", value: accuracy },
    { name: "Reward at the end", value: metricAt(metrics.at(-1), "reward") },
    { name: "Took", value: showDuration(record.wallMs) },
    { name: "GPU", value: gpuName(record.adapter) },
    { name: "Versions", value: versionNames(record.kit) },
    {
      name: "Kernel variants",
      value: Object.keys(record.tuned).length > 0 ? "tuned to the GPU" : "defaults",
    },
    { name: "Last step’s digest", value: metrics.at(-1)?.digest ?? "–", mono: true },
    { name: "Adapter’s SHA-256", value: record.weightsSha256, mono: true },
  ];
}

function metricAt(step: RunRecord["metrics"][number] | undefined, name: string): string {
  const value = step?.[name];
  return typeof value === "number" ? showNumber(value) : "–";
}

/** The first that says something of what a DeviceInfo calls a GPU. */
export function gpuName(adapter: Readonly<Record<string, unknown>>): string {
  const text = (name: string) => (typeof adapter[name] === "string" ? adapter[name] : "");
  const maker = [text("vendor"), text("architecture")].filter(Boolean).join(" ");
  return [text("description") || text("device"), maker].filter(Boolean).join(", ") || "unknown";
}

export function versionNames(kit: Readonly<Record<string, string>>): string {
  return Object.entries(kit)
    .map(([name, version]) => {
      // A page's records say which browser by its whole user agent.
      if (name === "browser")
        return describeBrowser(detectBrowser({ userAgent: version, maxTouchPoints: 0 }));
      return `${name === "version" ? "thinktab" : name} ${version}`;
    })
    .join(", ");
}

/** Options of two recipes that differ: `grpo.steps`, and each side's value as JSON; "–" where one has none. */
export function recipeDifferences(a: RunRecipe, b: RunRecipe): [path: string, a: string, b: string][] {
  const [left, right] = [flattened(a), flattened(b)];
  const paths = [...new Set([...left.keys(), ...right.keys()])].sort();
  return paths.flatMap((path): [string, string, string][] => {
    const [was, is] = [left.get(path) ?? "–", right.get(path) ?? "–"];
    return was === is ? [] : [[path, was, is]];
  });
}

/** Characters of one text that are shown: a picture in a recipe has hundreds of thousands. */
const shownCharacters = 200;

/** A text as it is shown: of a longer one the beginning, and how long it is. */
export function shortened(text: string): string {
  if (text.length <= shownCharacters) return text;
  return `${text.slice(0, shownCharacters)}… (${text.length} characters)`;
}

function flattened(value: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [key, part] of Object.entries(value)) flattened(part, path ? `${path}.${key}` : key, into);
  } else if (value !== undefined) {
    into.set(path, JSON.stringify(value));
  }
  return into;
}

/** The same run twice, as far as recipes say. The number of evaluated examples changes no weight. */
export function sameRecipe(a: RunRecipe, b: RunRecipe): boolean {
  return recipeDifferences(a, b).every(([path]) => path.startsWith("evaluation."));
}

export interface Verdict {
  same: boolean;
  title: string;
  /** What differs besides the bits, and so explains them. */
  reasons: readonly string[];
}

/**
 * Whether two runs came out the same to the bit, and if not from which step on and what else differs.
 * @param names what the two are called in the reasons: "recorded", "here".
 */
export function judge(
  recorded: RunRecord,
  other: RunRecord,
  names: readonly [string, string] = ["recorded", "here"],
): Verdict {
  const comparison = compareRuns(recorded, other);
  const steps = Math.max(recorded.steps, other.steps);
  if (comparison.same) {
    const title = `The bits match: all ${steps} steps and the final adapter are the same.`;
    return { same: true, title, reasons: [] };
  }
  const { firstDifferentStep: first } = comparison;
  const title =
    first === null
      ? "The steps match, the final adapter does not."
      : first === 0
        ? `The bits differ from the first of ${steps} steps on.`
        : `The bits match for ${first} of ${steps} steps, and differ from step ${first + 1} on.`;
  return { same: false, title, reasons: reasonsOf(comparison, recorded, other, names) };
}

function reasonsOf(
  { adapterMatches, kitMatches, variantsMatch }: RunComparison,
  a: RunRecord,
  b: RunRecord,
  [first, second]: readonly [string, string],
): string[] {
  const reasons: string[] = [];
  if (!adapterMatches) {
    const [was, is] = [gpuName(a.adapter), gpuName(b.adapter)];
    reasons.push(
      `Another GPU or driver: ${first} ${was}, ${second} ${is}${was === is ? " with other features" : ""}. ` +
        "GPUs round differently, so other bits are no wonder; the curves should still be alike.",
    );
  }
  if (!kitMatches) {
    const [was, is] = [versionNames(a.kit), versionNames(b.kit)];
    reasons.push(
      `Other versions: ${first} ${was}; ${second} ${is}${was === is ? ", in another build" : ""}.`,
    );
  }
  if (!variantsMatch)
    reasons.push("Other kernel variants: one of the runs had them tuned to its GPU, or to another one.");
  if (reasons.length === 0)
    reasons.push(
      "GPU, versions and kernel variants are the same: a file was changed, the policy was another one, or something " +
        "here does not repeat. The self-test under Device may tell.",
    );
  return reasons;
}
