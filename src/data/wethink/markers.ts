/**
 * Media markers in texts. Trainers put an image where a text has `<image>`, so a text that merely speaks of `<image>`
 * must not have it as it is: it is written as `&lt;image&gt;`, and what looks like that already gets one more `&amp;`.
 */
const marker = /<(image|video|audio)>/;
const escaped = /&((?:amp;)*)lt;(image|video|audio)&((?:amp;)*)gt;/g;

/** Whether a text holds a marker, or what one would be escaped to. */
export function hasMarkers(text: string): boolean {
  return marker.test(text) || text.search(escaped) >= 0;
}

/** A text without markers, of which {@link unescapeMarkers} makes the same text again. */
export function escapeMarkers(text: string): string {
  return text.replace(escaped, "&amp;$1lt;$2&amp;$3gt;").replaceAll(new RegExp(marker, "g"), "&lt;$1&gt;");
}

/** The text that {@link escapeMarkers} was given. */
export function unescapeMarkers(text: string): string {
  return text.replace(escaped, (whole, left: string, name: string, right: string) => {
    if (left === "" && right === "") return `<${name}>`;
    return left === "" || right === "" ? whole : `&${left.slice(4)}lt;${name}&${right.slice(4)}gt;`;
  });
}

/**
 * A question without the markers of its images: those that it begins with, and those on a line of their own. Others are
 * words.
 */
export function stripImageMarkers(text: string): { text: string; removed: number } {
  let removed = 0;
  const stripped = text
    .replace(/^(?:\s*<image>)+[^\S\n]*\n?/, (found) => {
      removed += found.split("<image>").length - 1;
      return "";
    })
    .replace(/^[^\S\n]*<image>[^\S\n]*(?:\n|$)/gm, () => {
      removed++;
      return "";
    });
  return { text: stripped, removed };
}
