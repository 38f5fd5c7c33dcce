import { useSignal } from "@preact/signals";

/** Puts a text on the clipboard, and says whether that worked. */
export function CopyButton(props: { text: () => string; label: string; disabled?: boolean }) {
  const said = useSignal("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.text());
      said.value = "Copied";
    } catch {
      said.value = "The browser refused"; // no permission, or a page that is not from https
    }
    setTimeout(() => (said.value = ""), 2000);
  };
  return (
    <>
      <button type="button" class="secondary outline" disabled={props.disabled} onClick={() => void copy()}>
        {said.value || props.label}
      </button>
    </>
  );
}
