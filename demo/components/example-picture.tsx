import { useMemo } from "preact/hooks";
import type { TaskExample } from "../../workers/client.ts";
import { Picture } from "./picture.tsx";
import { sceneOf } from "./pictures.ts";

/** An example's picture: pixels as a task draws them, a record's encoded image, or the image that the user gave. */
export function ExamplePicture(props: {
  example: TaskExample;
  /** Of the longer edge of what a task draws, CSS pixels. */
  size: number;
}) {
  const { example, size } = props;
  const { picture, encoded } = sceneOf(example);
  const label = `Picture: ${example.id}`;
  const file = useMemo(() => encoded && new Blob([new Uint8Array(encoded)]), [encoded]);
  if (file) return <Picture image={file} label={label} size={size} />;
  if (picture) return <Picture image={picture} label={label} size={size} />;
  const url = example.messages
    .flatMap(({ content }) => (typeof content === "string" ? [] : content))
    .flatMap((part) => (part.type === "image_url" ? [part.image_url.url] : []))
    .at(-1);
  if (url === undefined) return <span class="note">no picture</span>;
  return <img src={url} alt={label} referrerPolicy="no-referrer" />;
}
