import { useSignal } from "@preact/signals";
import { DropArea } from "../components/drop-area.tsx";
import { TextField } from "../components/field.tsx";
import { FileButton } from "../components/file-button.tsx";
import { Fold } from "../components/fold.tsx";
import { Meter } from "../components/meter.tsx";
import { Problem } from "../components/problem.tsx";
import { data } from "./data-store.ts";

const takeFiles = (files: File[]) => void data.addFiles(files);
const takeImages = (files: File[]) => void data.addFiles(files, "images");

/** Where a data set and its images come from. */
export function OpenCard() {
  const address = useSignal("");
  const images = useSignal("");
  const read = data.read.value;
  return (
    <section class="card" aria-label="Open a data set">
      <h2>Look into a data set</h2>
      <p class="note">
        Records of questions, answers and reasoning about images, as WeThink has them, or in the formats of
        LLaMA-Factory, EasyR1, TRL and VLMEvalKit: JSONL, JSON, Parquet or TSV. Images may lie in a folder, a
        zip archive, or the parts of one. Files are read where they are, a piece at a time, and stay on this
        device.
      </p>
      <DropArea onFiles={takeFiles} class="drop-box">
        <p class="note">Drop a data file and its images here, or choose them.</p>
        <div class="row">
          <FileButton
            label="Choose data file"
            accept=".jsonl,.ndjson,.json,.parquet,.pq,.tsv"
            onFiles={takeFiles}
          />
          <FileButton label="Choose image folder" directory onFiles={takeImages} />
          <FileButton label="Choose image archive" multiple onFiles={takeImages} />
          <button type="button" class="secondary outline" onClick={() => void data.makeUp()}>
            Make up 48 records
          </button>
        </div>
      </DropArea>
      <Fold summary="From an address">
        <form
          class="data-address"
          onSubmit={(event) => {
            event.preventDefault();
            void data.openAddress(address.value.trim(), images.value.trim());
          }}
        >
          <TextField label="Address of the data file" value={address} placeholder="https://…/set.jsonl" />
          <TextField
            label="Address of the images"
            value={images}
            placeholder="https://…/images/ or https://…/images.zip"
            hint="A folder ends with a slash. The server must allow requests from other sites."
          />
          <button type="submit" disabled={address.value.trim() === ""}>
            Open address
          </button>
        </form>
      </Fold>
      <div class="data-status">
        {/* Counted beside the live region: it would be read out over and over. */}
        <span role="status" aria-label="Data set">
          {read === null ? data.title.value || "Nothing is open." : `Reading ${data.title.value}`}
        </span>
        {read !== null && (
          <>
            <span>{read.toLocaleString("en")} rows so far</span>
            <Meter value={null} label="Reading" />
            <button type="button" class="secondary outline" onClick={() => data.stop()}>
              Stop reading
            </button>
          </>
        )}
      </div>
      <Problem error={data.problem.value} onDismiss={() => (data.problem.value = null)} />
    </section>
  );
}
