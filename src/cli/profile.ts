import { traceRuns } from "../gpu/program.ts";
import type { Program } from "../gpu/program.ts";
import type { Policy } from "../rollout/policy.ts";
import type { Task } from "../tasks/task.ts";
import { GrpoTrainer } from "../train/grpo-trainer.ts";
import type { Recipe } from "../train/recipe.ts";
import { formatMs, formatPercent, formatTable, wrapText } from "./format.ts";

interface TracedRun {
  program: Program;
  values: Readonly<Record<string, number>>;
}

/** What one program did in a step. */
export interface ProgramProfile {
  name: string;
  runs: number;
  /** Token rows that went through it, over all runs; patches for the vision tower. */
  rows: number;
  /** Of these, the rows of prompts that are shared by a group; undefined where that says nothing. */
  promptRows: number | undefined;
  /** On the GPU; undefined on an adapter without timestamps. */
  gpuMs: number | undefined;
}

export interface StepProfile {
  /** Wall time by phase, ms: rollout, reward, train and the whole step. */
  wallMs: { rollout: number; reward: number; train: number; step: number };
  prompts: number;
  groupSize: number;
  programs: ProgramProfile[];
  /** Of all programs together, longest first; empty on an adapter without timestamps. */
  kernels: { kernel: string; dispatches: number; ms: number }[];
}

/**
 * Takes two more steps and says where the second one's time went. Then runs each of its programs again as often and
 * with the same lengths, a timestamp around every kernel, so the GPU's times are of the same work, done apart. The
 * policy is of no use afterwards: its weights have moved.
 */
export async function profileStep(
  policy: Policy,
  task: Task,
  recipe: Recipe,
  signal?: AbortSignal,
): Promise<StepProfile> {
  const trainer = new GrpoTrainer(policy, task, { ...recipe, steps: 2 });
  const traced: TracedRun[] = [];
  let metrics: Record<string, number> = {};
  try {
    for await (const event of trainer.run({ signal })) {
      if (event.type === "phase" && event.step === 1 && event.phase === "rollout") {
        traceRuns(policy.device, (program, values) => void traced.push({ program, values: { ...values } }));
      }
      if (event.type === "step") metrics = event.metrics;
    }
    signal?.throwIfAborted();
    traceRuns(policy.device, undefined);
    const ms = (name: string) => 1000 * (metrics[name] ?? 0);
    return {
      wallMs: {
        rollout: ms("timing_s/rollout"),
        reward: ms("timing_s/reward"),
        train: ms("timing_s/train"),
        step: ms("step_time"),
      },
      prompts: recipe.promptsPerStep,
      groupSize: recipe.numGenerations,
      ...(await timed(traced, policy.device.info.timestamps, signal)),
    };
  } finally {
    traceRuns(policy.device, undefined);
    trainer.destroy();
  }
}

async function timed(
  traced: readonly TracedRun[],
  timestamps: boolean,
  signal: AbortSignal | undefined,
): Promise<Pick<StepProfile, "programs" | "kernels">> {
  const programs = new Map<string, ProgramProfile>();
  const kernels = new Map<string, { kernel: string; dispatches: number; ms: number }>();
  for (const { program, values } of traced) {
    signal?.throwIfAborted();
    const { name } = program;
    const [rows, promptRows] = rowsOf(name, values);
    const known = programs.get(name) ?? { name, runs: 0, rows: 0, promptRows, gpuMs: undefined };
    let { gpuMs } = known;
    if (timestamps) {
      for (const { kernel, ms } of await program.profile(values)) {
        const sum = kernels.get(kernel) ?? { kernel, dispatches: 0, ms: 0 };
        kernels.set(kernel, { kernel, dispatches: sum.dispatches + 1, ms: sum.ms + ms });
        gpuMs = (gpuMs ?? 0) + ms;
      }
    }
    programs.set(name, {
      ...known,
      runs: known.runs + 1,
      rows: known.rows + rows,
      promptRows: known.runs === 0 ? promptRows : sum(known.promptRows, promptRows),
      gpuMs,
    });
  }
  return { programs: [...programs.values()], kernels: [...kernels.values()].sort((a, b) => b.ms - a.ms) };
}

/** Rows of a run, and how many of them are the prompts': T tokens, S of them scored; B sequences; N patches. */
function rowsOf(name: string, { T, S, B, N }: Readonly<Record<string, number | undefined>>) {
  if (name === "prefill") return [T ?? 0, T ?? 0] as const;
  // A completion's rows are as many as its tokens, all of which are scored.
  if (T !== undefined && S !== undefined) return [T, T - S] as const;
  return [B ?? T ?? N ?? 0, undefined] as const;
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

/** A profile as tables. */
export function describeProfile(profile: StepProfile): string {
  const { wallMs, programs, kernels, prompts, groupSize } = profile;
  const gpuMs = programs.reduce((total, program) => total + (program.gpuMs ?? 0), 0);
  const phases: [string, number][] = [
    ["rollout", wallMs.rollout],
    ["reward", wallMs.reward],
    ["update", wallMs.train],
    ["whole step", wallMs.step],
  ];
  const sections = [
    `Where a step's time goes (${prompts} prompts × ${groupSize} responses):`,
    formatTable(
      [
        ["phase", "time", "share"],
        ...phases.map(([name, ms]) => [name, formatMs(ms), formatPercent(ms / wallMs.step, 0)]),
      ],
      [1, 2],
    ),
    "",
    formatTable(
      [
        ["program", "runs", "rows", "GPU time", "share"],
        ...programs.map(({ name, runs, rows, gpuMs: ms }) => [
          name,
          String(runs),
          rows > 0 ? String(rows) : "",
          ms === undefined ? "–" : formatMs(ms),
          ms === undefined ? "–" : formatPercent(ms / gpuMs, 0),
        ]),
      ],
      [1, 2, 3, 4],
    ),
    "",
    ...wrapText(
      "The prompts of a group are computed once. Token rows as computed, and as they would be with a prompt for each response:",
    ),
    sharing(profile),
  ];
  if (kernels.length > 0) {
    const shown = kernels.slice(0, 12);
    sections.push(
      "",
      formatTable(
        [
          ["kernel", "dispatches", "GPU time", "share"],
          ...shown.map(({ kernel, dispatches, ms }) => [
            kernel,
            String(dispatches),
            formatMs(ms),
            formatPercent(ms / gpuMs, 0),
          ]),
        ],
        [1, 2, 3],
      ),
    );
    if (kernels.length > shown.length) sections.push(`and ${kernels.length - shown.length} more kernels`);
  } else sections.push("", "This adapter has no timestamps: the GPU's own times are not known.");
  return sections.join("\n");
}

/** Prompt and response rows of the rollout (prefill and decode) and of each program of the update. */
function sharing({ programs, groupSize }: StepProfile): string {
  const decode = programs.find(({ name }) => name === "decode");
  const rows = programs.flatMap(({ name, rows, promptRows }) => {
    if (promptRows === undefined) return [];
    const responses = name === "prefill" ? (decode?.rows ?? 0) : rows - promptRows;
    const computed = promptRows + responses;
    const apart = groupSize * promptRows + responses;
    return [
      [
        name === "prefill" ? "rollout" : name,
        String(promptRows),
        String(responses),
        formatPercent(promptRows / computed, 0),
        String(apart),
        formatPercent(1 - computed / apart, 0),
      ],
    ];
  });
  return formatTable(
    [["", "prompts", "responses", "prompts' share", "without sharing", "saved"], ...rows],
    [1, 2, 3, 4, 5],
  );
}
