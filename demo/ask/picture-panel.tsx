/** The picture, where it comes from, and where the policy looks on it. */
import { FileButton } from "../components/file-button.tsx";
import { Picture } from "../components/picture.tsx";
import { Problem } from "../components/problem.tsx";
import { session } from "../state/session.ts";
import { store } from "./ask-store.ts";
import { useHeat } from "./heat.ts";
import { LookControls } from "./look-controls.tsx";
import { pixelsOf } from "./picture-store.ts";
import { SceneCells, ScenePalette } from "./scene-editor.tsx";

/** Of the picture's longer edge, CSS pixels: what a phone has room for. */
const pictureSize = 320;

export function PicturePanel() {
  const { picture, name, drawing, problem } = store.pictures;
  const heat = useHeat();
  const shown = picture.value;
  return (
    <section class="card ask-picture">
      <h2>Picture</h2>
      <div class="ask-stage">
        {shown ? (
          <Picture image={pixelsOf(shown)} label={`Picture: ${name.value}`} size={pictureSize} heat={heat}>
            {drawing.value && <SceneCells />}
          </Picture>
        ) : (
          <p class="note">
            No picture yet: choose one, drop or paste one, draw a scene, or take one of the built-in task.
          </p>
        )}
      </div>
      <p class="note ask-name">{shown ? name.value : ""}</p>
      <div class="row ask-sources">
        <FileButton label="Choose image" accept="image/*" onFiles={(files) => void store.takeFiles(files)} />
        <button
          type="button"
          class="secondary outline"
          disabled={session.kit.value === null}
          onClick={() => void store.takeScene()}
        >
          Random scene
        </button>
        <button
          type="button"
          class="secondary outline"
          aria-pressed={drawing.value}
          onClick={() => {
            if (drawing.value) drawing.value = false;
            else store.pictures.startDrawing();
          }}
        >
          Draw scene
        </button>
      </div>
      {drawing.value && <ScenePalette />}
      <Problem error={problem.value} />
      <LookControls />
    </section>
  );
}
