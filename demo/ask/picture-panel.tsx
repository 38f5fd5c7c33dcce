/** The picture, where it comes from, and where the policy looks on it. */
import { useMemo } from "preact/hooks";
import { FileButton } from "../components/file-button.tsx";
import { Picture } from "../components/picture.tsx";
import { Problem } from "../components/problem.tsx";
import { session } from "../state/session.ts";
import { store } from "./ask-store.ts";
import { attentionOf } from "./figures.ts";
import { LookControls } from "./look-controls.tsx";
import { SceneCells, ScenePalette } from "./scene-editor.tsx";

/** Of the picture's longer edge, CSS pixels: what a phone has room for. */
const pictureSize = 320;

export function PicturePanel() {
  const { picture, name, drawing, problem } = store.pictures;
  const inspection = store.canLook.value ? store.inspection.value : null;
  const token = store.looking.value?.token ?? null;
  const heat = useMemo(() => {
    const image = inspection?.images.at(0);
    if (!image) return null;
    const { rows, columns, weights } = image;
    return { rows, columns, weights: attentionOf(weights, rows * columns, token) };
  }, [inspection, token]);
  const shown = picture.value;
  return (
    <section class={`card stack ask-picture${heat ? " ask-looking" : ""}`}>
      <h2>Picture</h2>
      <div class="ask-stage">
        {shown ? (
          <Picture image={shown.image} label={`Picture: ${name.value}`} size={pictureSize} heat={heat}>
            {drawing.value && <SceneCells />}
          </Picture>
        ) : (
          <p class="note">
            No picture yet: choose one, drop or paste one, draw a scene, or take one of the built-in task.
          </p>
        )}
      </div>
      <p class="note ask-name">{shown ? name.value : ""}</p>
      <div class="row">
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
          Draw a scene
        </button>
      </div>
      {drawing.value && <ScenePalette />}
      <Problem error={problem.value} />
      <LookControls />
    </section>
  );
}
