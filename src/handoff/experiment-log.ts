import { isRecord } from "../util/is-record.ts";

/** A step's metrics by their dotted and slashed names, as EasyR1 logs them: `reward/accuracy`, `actor/kl_loss`. */
export interface ExperimentStep {
  step: number;
  metrics: Record<string, number>;
}

/** A run that was trained elsewhere, as it logged itself. */
export interface ExperimentLog {
  /** In order, each step once. */
  steps: ExperimentStep[];
  /** How often the run went back to an earlier step: what it then did anew counts. */
  restarts: number;
  /** Lines that could not be read, by number, such as the last one of a run that was stopped. */
  broken: number[];
}

/**
 * Reads EasyR1's `experiment_log.jsonl`: a line a step, metrics nested by the parts of their names. Lines of the same step
 * are taken together (training and validation), a log that a resumed run went on with is mended, and a line that was cut
 * off is named. Values that are no finite numbers are left out.
 */
export function readExperimentLog(text: string): ExperimentLog {
  const steps = new Map<number, Record<string, number>>();
  const broken: number[] = [];
  let restarts = 0;
  let last = -Infinity;
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    if (line.trim() === "") continue;
    const row = parseLine(line);
    if (!row) {
      broken.push(index + 1);
      continue;
    }
    if (row.step < last) {
      restarts++;
      for (const step of [...steps.keys()]) if (step >= row.step) steps.delete(step);
    }
    last = row.step;
    steps.set(row.step, { ...steps.get(row.step), ...row.metrics });
  }
  return { steps: Array.from(steps, ([step, metrics]) => ({ step, metrics })), restarts, broken };
}

function parseLine(line: string): ExperimentStep | null {
  let value: unknown;
  try {
    // Python writes these where JSON has no such number.
    value = JSON.parse(line.replaceAll(/(?<=[:[,]\s*)-?(?:NaN|Infinity)(?=\s*[,}\]])/g, "null"));
  } catch {
    return null;
  }
  if (!isRecord(value) || typeof value.step !== "number" || !Number.isInteger(value.step)) return null;
  const metrics: Record<string, number> = {};
  const visit = (inner: unknown, name: string): void => {
    if (typeof inner === "number" && Number.isFinite(inner)) metrics[name] = inner;
    else if (isRecord(inner))
      for (const [part, deeper] of Object.entries(inner)) visit(deeper, `${name}/${part}`);
  };
  for (const [name, inner] of Object.entries(value)) if (name !== "step") visit(inner, name);
  return { step: value.step, metrics };
}

/** Our names of a step's metrics, and EasyR1's for the same thing. The first that is there counts. */
const ours: readonly (readonly [ours: string, theirs: readonly string[]])[] = [
  ["reward", ["reward/overall", "critic/score/mean"]],
  ["rewards/accuracy/mean", ["reward/accuracy"]],
  ["rewards/format/mean", ["reward/format"]],
  // Both are means of what was sampled; entropy_loss is that of −log p.
  ["entropy", ["actor/entropy_loss"]],
  ["completions/mean_length", ["response_length/mean"]],
  ["completions/clipped_ratio", ["response_length/clip_ratio"]],
  ["kl", ["actor/kl_loss", "critic/kl"]],
  ["loss", ["actor/pg_loss"]],
  ["grad_norm", ["actor/grad_norm"]],
  ["learning_rate", ["actor/lr"]],
  ["eval/reward", ["val/reward_score"]],
  ["eval/accuracy", ["val/accuracy_reward"]],
];

/** A log's steps as the metrics of one of our runs, for the same curves: steps from 0, names as ours, theirs beside them. */
export function metricsOfLog({ steps }: ExperimentLog): Record<string, number>[] {
  const trained = steps.filter(({ step }) => step > 0);
  return trained.map(({ step, metrics }) => {
    const own: Record<string, number> = {};
    for (const [name, theirs] of ours) {
      const found = theirs.find((one) => Object.hasOwn(metrics, one));
      if (found !== undefined) own[name] = metrics[found];
    }
    return { ...metrics, ...own, step: step - 1 };
  });
}
