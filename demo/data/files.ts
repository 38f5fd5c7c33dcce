/** Which of the files that somebody hands over are a data set, and which are its images. */
import { InvalidOptionError } from "../../workers/client.ts";

const dataFile = /\.(jsonl|ndjson|json|parquet|pq|tsv)$/i;
const imageFile = /\.(png|jpe?g|webp|gif|bmp|avif|zip|part-?\w+)$/i;

/** A folder may hold both; what is neither, such as a README, is passed over. */
export function sortFiles(files: readonly File[]): { data: File[]; images: File[] } {
  return {
    data: files.filter(({ name }) => dataFile.test(name)),
    images: files.filter(({ name }) => imageFile.test(name)),
  };
}

/**
 * The data set, its images, or both, of what somebody hands over.
 * @param kind images only, where a folder of them was asked for: it may hold tables too.
 * @throws InvalidOptionError for several data sets, and where nothing is of use.
 */
export function chosenFiles(files: readonly File[], kind?: "images"): { data?: File; images?: File[] } {
  const sorted = sortFiles(files);
  const data = kind === "images" ? [] : sorted.data;
  const { images } = sorted;
  if (data.length > 1)
    throw new InvalidOptionError(
      "files",
      data.map(({ name }) => name).join(", "),
      "one data file; images as PNG, JPEG, WebP or a zip archive",
    );
  if (data.length + images.length === 0)
    throw new InvalidOptionError(
      "files",
      files.length === 1 ? files[0].name : `${files.length} files`,
      kind === "images"
        ? "images: PNG, JPEG, WebP or a zip archive"
        : "JSONL, JSON, Parquet or TSV, and images as PNG, JPEG, WebP or a zip archive",
    );
  return { ...(data[0] && { data: data[0] }), ...(images.length > 0 && { images }) };
}
