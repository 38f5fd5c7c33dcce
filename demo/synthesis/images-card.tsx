import { DropArea } from "../components/drop-area.tsx";
import { FileButton } from "../components/file-button.tsx";
import { Picture } from "../components/picture.tsx";
import { synthesis } from "./synthesis-store.ts";

/** Pictures that are shown of those chosen. */
const shown = 24;

const takeFiles = (files: File[]) => synthesis.addFiles(files);

/** What records are made of. */
export function ImagesCard() {
  const images = [...synthesis.images.value];
  const busy = synthesis.state.value !== "idle";
  return (
    <section class="card" aria-label="Images">
      <h2>Make questions from images</h2>
      <p class="note">
        Models describe each image, ask what the description lacks, write questions that need reasoning, and
        drop those that are no good. Two answer, one from the description and one from the image; where they
        differ, a third decides. What is left becomes a record to train on.
      </p>
      <DropArea onFiles={takeFiles} class="drop-box">
        <p class="note">Drop images here, or choose them.</p>
        <div class="row">
          <FileButton label="Add images" accept="image/*" multiple disabled={busy} onFiles={takeFiles} />
          <FileButton label="Add image folder" directory disabled={busy} onFiles={takeFiles} />
          <button
            type="button"
            class="secondary outline"
            disabled={busy}
            onClick={() => void synthesis.chooseToy()}
          >
            Use 20 toy scenes
          </button>
          {images.length > 0 && (
            <button
              type="button"
              class="secondary outline"
              disabled={busy}
              onClick={() => synthesis.clearImages()}
            >
              Remove images
            </button>
          )}
        </div>
      </DropArea>
      <p class="note" role="status" aria-label="Images chosen">
        {images.length === 0
          ? "No images yet."
          : images.length === 1
            ? "One image."
            : `${images.length} images.`}
      </p>
      {images.length > 0 && (
        <ul class="synthesis-images">
          {images.slice(0, shown).map(([path, image]) => (
            <li key={path}>
              <Picture image={image} label={path} size={64} />
            </li>
          ))}
          {images.length > shown && <li class="note">and {images.length - shown} more</li>}
        </ul>
      )}
    </section>
  );
}
