import {
  compareEvaluations,
  detectBenchmark,
  memorySource,
  openEvaluation,
  policyAnswerer,
  runBenchmark,
  type BlobStore,
  type EvaluationReport,
  type Policy,
} from "thinktab/engine";

// #region run
/** Asks a policy every question of a table. The store keeps the run; called again, it goes on where it was. */
export async function evaluateTable(
  policy: Policy,
  tsv: Uint8Array,
  store: BlobStore,
  show: (text: string) => void,
): Promise<EvaluationReport> {
  const file = { source: memorySource({ "own.tsv": tsv }), path: "own.tsv" };
  const run = runBenchmark({
    benchmark: await detectBenchmark(file, "own"), // by its columns; findBenchmark("MMStar") for a known one
    file,
    answerer: policyAnswerer(policy),
    store,
    system: null, // the toy policy was trained without one
    sampling: { maxTokens: 48 }, // greedy
  });
  for await (const event of run) {
    if (event.type === "answered") show(`${event.answered} of ${event.total}: ${event.sample.response}`);
    if (event.type === "unanswered") show(`row ${event.index}: ${event.error}`);
    if (event.type === "finished") return event.report;
  }
  throw new Error("a run that ends has a report");
}
// #endregion

// #region compare
/** Whether the second of two runs is better, as far as questions like these can tell. */
export async function verdict(before: BlobStore, after: BlobStore): Promise<string> {
  const { difference, interval, units } = compareEvaluations(
    await openEvaluation(before),
    await openEvaluation(after),
  );
  if (difference === null || interval === null) return "There is nothing to compare.";
  const [low, high] = interval.map((end) => end.toFixed(1));
  const range = `${difference.toFixed(1)} points, 95% from ${low} to ${high}, over ${units} questions`;
  if (interval[0] > 0) return `Better by ${range}.`;
  return interval[1] < 0 ? `Worse by ${range}.` : `Not to be told apart: ${range}.`;
}
// #endregion
