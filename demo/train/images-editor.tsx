import { useEffect, useRef } from "preact/hooks";
import { download } from "../components/download.ts";
import { DropArea } from "../components/drop-area.tsx";
import { FileButton } from "../components/file-button.tsx";
import { showBytes } from "../components/format.ts";
import { Problem } from "../components/problem.tsx";
import { sizeOf, writeImageSet } from "./image-set.ts";
import type { OwnExample } from "./image-set.ts";
import { ownImages } from "./own-images.ts";
import type { OwnRow } from "./own-images.ts";
import { draft } from "./recipe-draft.ts";

const takeFiles = (files: File[]) => void ownImages.addFiles(files);

/** The user's own images: a row each, with its question and answer. */
export function ImagesEditor() {
  const rows = ownImages.rows.value;
  const unkept = ownImages.unkept.value;
  const list = useRef<HTMLOListElement>(null);
  const count = useRef(rows.length);
  // Whoever adds an image writes its question next.
  useEffect(() => {
    if (rows.length > count.current) {
      const empty = [...(list.current?.querySelectorAll("input") ?? [])].find(({ value }) => value === "");
      empty?.focus({ preventScroll: false });
    }
    count.current = rows.length;
  }, [rows.length]);
  const teaches = draft.isSft.value;
  return (
    <section class="train-images stack" aria-label="Your images">
      <DropArea onFiles={takeFiles} paste class="drop-box train-drop">
        <p class="note">Drop images here, paste them, or pick them. They stay in this browser.</p>
        <div class="row">
          <FileButton label="Add images" accept="image/*" multiple onFiles={takeFiles} />
          <FileButton label="Import set" accept=".json,application/json" onFiles={takeFiles} />
          <button
            type="button"
            class="secondary outline"
            disabled={rows.length === 0}
            onClick={() => download(writeImageSet(rows), "images.json", "application/json")}
          >
            Export set
          </button>
          {rows.length > 0 && (
            <button type="button" class="secondary outline" onClick={() => ownImages.clear()}>
              Delete all
            </button>
          )}
        </div>
      </DropArea>
      <Problem error={ownImages.problem.value} onDismiss={() => (ownImages.problem.value = null)} />
      {rows.length > 0 && (
        <ol ref={list} class="train-rows">
          {rows.map((row, index) => (
            <ImageRow key={row.id} row={row} number={index + 1} teaches={teaches} />
          ))}
        </ol>
      )}
      <p class="note" role="status" aria-label="State of your images">
        {ownImages.missing.value ||
          (rows.length === 1
            ? `One example, ${showBytes(sizeOf(rows))}: nothing is held out, so nothing is measured.`
            : `${rows.length} examples, ${showBytes(sizeOf(rows))}. A fifth is kept for testing.`)}
      </p>
      {rows.length > 0 && unkept !== null && (
        <p role="alert" class="train-unkept">
          Not kept: {unkept instanceof Error ? unkept.message : "this browser stores nothing"}. Export the set
          before you close the tab.
        </p>
      )}
    </section>
  );
}

function ImageRow({ row, number, teaches }: { row: OwnRow; number: number; teaches: boolean }) {
  const field = (key: keyof OwnExample, label: string) => (
    <label class="train-row-field">
      {label}
      <input
        type="text"
        value={row[key]}
        aria-label={`${label} ${number}`}
        onInput={({ currentTarget }) => ownImages.change(row.id, { [key]: currentTarget.value })}
      />
    </label>
  );
  return (
    <li>
      {row.image ? (
        <img src={row.image} alt={`Image ${number}${row.name && `: ${row.name}`}`} />
      ) : (
        <span class="note">no image</span>
      )}
      <div>
        {field("question", "Question")}
        {field("answer", "Answer")}
        {teaches && field("reasoning", "Reasoning (optional)")}
      </div>
      <button
        type="button"
        class="secondary outline train-remove"
        aria-label={`Delete image ${number}`}
        onClick={() => ownImages.remove(row.id)}
      >
        ×
      </button>
    </li>
  );
}
