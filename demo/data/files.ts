/** Which of the files that somebody hands over are a data set, and which are its images. */

const dataFile = /\.(jsonl|ndjson|json|parquet|pq|tsv)$/i;
const imageFile = /\.(png|jpe?g|webp|gif|bmp|avif|zip|part-?\w+)$/i;

/** A folder may hold both; what is neither, such as a README, is passed over. */
export function sortFiles(files: readonly File[]): { data: File[]; images: File[] } {
  return {
    data: files.filter(({ name }) => dataFile.test(name)),
    images: files.filter(({ name }) => imageFile.test(name)),
  };
}
