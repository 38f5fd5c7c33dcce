/** How the command line shows a synthesis. */
import type { SynthesisCounters } from "../synthesis/counters.ts";
import { synthesisStages, type SynthesisStage } from "../synthesis/stages.ts";
import type { SynthesisRun } from "../synthesis/store.ts";
import { formatDuration, formatTable } from "./format.ts";

/** One line of how far it is. */
export function describeSynthesis({ images, records, drops, stages }: SynthesisCounters): string {
  const all = Object.values(stages);
  const sum = (of: (stage: (typeof all)[number]) => number) =>
    all.reduce((total, stage) => total + of(stage), 0);
  const dropped = Object.values(drops).reduce((total, count) => total + count, 0);
  const done = images.done + images.pending;
  const failed = sum(({ failed: count }) => count);
  return [
    `${done}/${images.total} images`,
    `${records} records`,
    `${dropped} dropped`,
    `${sum(({ asked }) => asked)} asked`,
    `${sum(({ reused }) => reused)} known`,
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(", ");
}

/** Stages that something came into, a line each; then the reasons of drops. */
export function describeCounters(counters: SynthesisCounters): string {
  const entered = synthesisStages.filter((stage) => counters.stages[stage].entered > 0);
  const header = ["stage", "in", "kept", "dropped", "pending", "asked", "known", "again", "tokens", "time"];
  const rows = entered.map((stage) => stageRow(stage, counters));
  const reasons = synthesisStages.flatMap((stage) =>
    Object.entries(counters.stages[stage].dropped).map(([reason, count]) => [reason, stage, String(count)]),
  );
  const tables = [formatTable([header, ...rows], [1, 2, 3, 4, 5, 6, 7, 8, 9])];
  if (reasons.length > 0) tables.push(formatTable([["dropped as", "in stage", "count"], ...reasons], [2]));
  return tables.join("\n\n");
}

function stageRow(stage: SynthesisStage, { stages }: SynthesisCounters): string[] {
  const { entered, kept, dropped, pending, asked, reused, repeated, promptTokens, completionTokens, ms } =
    stages[stage];
  const drops = Object.values(dropped).reduce((total, count) => total + count, 0);
  const counts = [entered, kept, drops, pending, asked, reused, repeated].map(String);
  return [stage, ...counts, shortCount(promptTokens + completionTokens), formatDuration(ms)];
}

/** 1234567 → "1.2M". */
function shortCount(count: number): string {
  if (count < 10_000) return String(count);
  return count < 1e6 ? `${Math.round(count / 1000)}k` : `${(count / 1e6).toFixed(1)}M`;
}

/** Who plays which role; one line where all are one model. */
export function describeRoles({ roles }: SynthesisRun): string {
  const names = new Set(Object.values(roles).map(({ name }) => name));
  if (names.size === 1) return `all roles: ${[...names].join("")}`;
  return formatTable(Object.entries(roles).map(([role, { name }]) => [role, name]));
}
