import { data } from "./data-store.ts";
import { ConvertCard } from "./convert-card.tsx";
import "./data.css";
import { HandOffCard } from "./hand-off-card.tsx";
import { OpenCard } from "./open-card.tsx";
import { ReportCard } from "./report-card.tsx";
import { RewardCard } from "./reward-card.tsx";
import { RowsCard } from "./rows-card.tsx";
import { TrainCard } from "./train-card.tsx";

/** Data sets: what is in them, their rows, other formats, and how an answer is rewarded. */
export function DataTab() {
  return (
    <>
      <OpenCard />
      {data.report.value && (
        <>
          <ReportCard report={data.report.value} />
          <TrainCard report={data.report.value} />
          <RowsCard report={data.report.value} />
          <ConvertCard />
          <HandOffCard rows={data.report.value.accepted} />
        </>
      )}
      <RewardCard />
    </>
  );
}
