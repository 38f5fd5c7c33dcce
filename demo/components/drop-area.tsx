import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A place where files can be dropped, and pasted while it is shown. */
export function DropArea(props: {
  onFiles: (files: File[]) => void;
  paste?: boolean;
  class?: string;
  children: ComponentChildren;
}) {
  const { onFiles, paste = false } = props;
  const over = useSignal(false);
  const area = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!paste) return;
    const take = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      // A hidden tab's area has no box, and takes nothing.
      if (files.length === 0 || area.current?.offsetParent === null) return;
      // What is copied from a text processor comes as a picture too: into a field it goes as text.
      const field = event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement;
      if (field && event.clipboardData?.types.includes("text/plain")) return;
      event.preventDefault();
      onFiles(files);
    };
    document.addEventListener("paste", take);
    return () => document.removeEventListener("paste", take);
  }, [paste, onFiles]);
  return (
    <div
      ref={area}
      class={["drop-area", over.value && "over", props.class].filter(Boolean).join(" ")}
      onDragOver={(event) => {
        if (!hasFiles(event)) return; // text can still be dragged into a field
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        over.value = false;
        const files = [...(event.dataTransfer?.files ?? [])];
        if (files.length > 0) onFiles(files);
      }}
    >
      {props.children}
    </div>
  );
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes("Files") ?? false;
}
