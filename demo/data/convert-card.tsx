import { useSignal } from "@preact/signals";
import { download } from "../components/download.ts";
import { SelectField } from "../components/field.tsx";
import { data } from "./data-store.ts";

const formats = [
  ["sharegpt", "LLaMA-Factory (ShareGPT)"],
  ["easyr1", "EasyR1"],
  ["trl", "TRL"],
  ["vlmevalkit", "VLMEvalKit (TSV)"],
  ["wethink", "WeThink"],
] as const;
type Format = (typeof formats)[number][0];

/** The data set in another format, as a file. */
export function ConvertCard() {
  const to = useSignal<Format>("sharegpt");
  const said = useSignal("");
  const convert = async () => {
    said.value = "";
    const made = await data.run((dataset, signal, onProgress) =>
      dataset.convert(to.value, { signal, onProgress }),
    );
    if (!made) return;
    download(made.file, made.name, made.file.type);
    if (made.rejected) download(made.rejected, "rejected.jsonl", made.rejected.type);
    said.value =
      `${made.name}: ${made.written.toLocaleString("en")} rows` +
      (made.rejectedRows > 0 ? `, ${made.rejectedRows.toLocaleString("en")} rejected` : "") +
      (made.imagesLeftOut > 0
        ? `; ${made.imagesLeftOut.toLocaleString("en")} images of the table are not in it: the command line writes them`
        : "");
  };
  return (
    <section class="card" aria-label="Convert">
      <h2>Convert</h2>
      <p class="note">
        Paths of images stay as they are; a TSV has the pixels in it. On the command line{" "}
        <code>thinktab data convert</code> also copies the images.
      </p>
      <div class="row data-convert">
        <SelectField label="Format" value={to} options={formats} />
        <button type="button" disabled={data.read.value !== null} onClick={() => void convert()}>
          Convert and download
        </button>
      </div>
      <p class="note" role="status" aria-label="Conversion">
        {said.value}
      </p>
    </section>
  );
}
