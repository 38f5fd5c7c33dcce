import { useEffect } from "preact/hooks";
import { CompareCard } from "./compare-card.tsx";
import { evaluate } from "./evaluate-store.ts";
import "./evaluate.css";
import { OptionsCard } from "./options-card.tsx";
import { ReportCard } from "./report-card.tsx";
import { RunCard } from "./run-card.tsx";
import { SamplesCard } from "./samples-card.tsx";
import { TableCard } from "./table-card.tsx";

/** Benchmarks: asked, scored, reported, compared. */
export function EvaluateTab() {
  useEffect(() => void evaluate.recall(), []);
  const report = evaluate.report.value;
  return (
    <>
      <TableCard />
      <OptionsCard />
      <RunCard />
      {report && (
        <>
          <ReportCard shown={report} />
          <CompareCard />
        </>
      )}
      {evaluate.answers.value.length > 0 && <SamplesCard />}
    </>
  );
}
