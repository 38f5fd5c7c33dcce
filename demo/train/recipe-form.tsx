import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { SelectField, TextField } from "../components/field.tsx";
import { Fold } from "../components/fold.tsx";
import { session } from "../state/session.ts";
import { choices } from "./choices.ts";
import { DraftNumber } from "./draft-number.tsx";
import { ImagesEditor } from "./images-editor.tsx";
import { RecordsFields } from "./records-fields.tsx";
import { ownImages } from "./own-images.ts";
import { draft } from "./recipe-draft.ts";
import { RewardFold } from "./reward-fold.tsx";

const options = choices.map(({ id, label }) => [id, label] as const);

/** Which run is wanted: one of the choices, with what the user changes of it. */
export function RecipeForm() {
  const choice = draft.choice.value;
  const sft = draft.isSft.value;
  useEffect(() => void ownImages.restore(), []);
  const broken = useComputed(() => draft.json.value === null);
  return (
    <>
      <SelectField label="Recipe" value={draft.choiceId} options={options} />
      <p class="train-about">{choice.about}</p>
      {choice.from === "images" && <ImagesEditor />}
      {choice.from === "records" && <RecordsFields />}
      {choice.from === "images" && session.isToy.value && (
        <p class="note">
          The toy policy knows only coloured shapes and a few dozen words: a few examples do not teach it
          photographs. For those, open a real model under Ask first.
        </p>
      )}
      <div class="options">
        <DraftNumber label="Steps" path={["training", "steps"]} min={1} />
        <DraftNumber label="Seed" path={["training", "seed"]} min={0} />
        <DraftNumber label="Test scenes" path={["evaluation", "scenes"]} min={0} />
      </div>
      <Fold summary="More settings">
        <div class="options">
          <DraftNumber label="Learning rate" path={["training", "learningRate"]} min={0} step="any" />
          {sft ? (
            <DraftNumber label="Examples a step" path={["training", "batchSize"]} min={1} />
          ) : (
            <>
              <DraftNumber label="Questions a step" path={["training", "promptsPerStep"]} min={1} />
              <DraftNumber label="Samples each" path={["training", "numGenerations"]} min={2} />
              <DraftNumber label="KL penalty" path={["training", "klCoef"]} min={0} step="any" />
              <DraftNumber label="Temperature" path={["training", "temperature"]} min={0} step="any" />
            </>
          )}
          <DraftNumber label="Longest answer" path={["training", "maxCompletionLength"]} min={1} />
        </div>
        <p class="note">
          Less memory: fewer samples, fewer questions, shorter answers. Test scenes are asked before and
          after; 0 leaves that out.
        </p>
      </Fold>
      {choice.from === "records" && !sft && <RewardFold />}
      <Fold summary="The whole recipe">
        <TextField
          label="Recipe as JSON"
          value={draft.text}
          rows={16}
          mono
          hint={
            broken.value
              ? "This is no JSON yet."
              : "The fields above are part of it. What is left out has its default; what is unknown is refused."
          }
        />
      </Fold>
    </>
  );
}
