import { useEffect } from "preact/hooks";
import { ImagesCard } from "./images-card.tsx";
import { ModelsCard } from "./models-card.tsx";
import { ProgressCard } from "./progress-card.tsx";
import { RecordsCard } from "./records-card.tsx";
import { synthesis } from "./synthesis-store.ts";
import "./synthesis.css";

/** Questions, answers and reasoning, made by models from images. */
export function SynthesisTab() {
  useEffect(() => void synthesis.recall(), []);
  return (
    <>
      <ImagesCard />
      <ModelsCard />
      <ProgressCard />
      {(synthesis.kept.value.length > 0 || synthesis.drops.value.length > 0) && <RecordsCard />}
    </>
  );
}
