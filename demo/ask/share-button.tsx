/** Gives away a link to the question: by the system's own sheet where there is one, else by the clipboard. */
import { useSignal } from "@preact/signals";
import { isAbort } from "../components/problem.tsx";
import { settings } from "../state/settings.ts";
import { writeAskLink } from "./ask-link.ts";
import { store } from "./ask-store.ts";

export function ShareButton() {
  const said = useSignal("");
  /** Shown to be copied by hand, where the browser does neither. */
  const byHand = useSignal("");
  const own = store.pictures.picture.value?.kind === "file";
  const share = async () => {
    const url = settings.link("ask", writeAskLink(store.link));
    byHand.value = said.value = "";
    try {
      if ("share" in navigator) {
        await navigator.share({ title: "Thinktab", text: store.question.value, url });
        return;
      }
    } catch (error) {
      if (isAbort(error)) return; // they changed their mind
    }
    try {
      await navigator.clipboard.writeText(url);
      said.value = own ? "Link copied. Your picture is not in it." : "Link copied.";
    } catch {
      said.value = "The browser refused; copy the link from here:";
      byHand.value = url;
    }
  };
  return (
    <>
      <button type="button" class="secondary outline" onClick={() => void share()}>
        Share
      </button>
      <span class="note ask-shared" role="status" aria-label="Sharing">
        {said.value}
      </span>
      {byHand.value && (
        <input
          class="mono"
          readOnly
          aria-label="Link to this question"
          value={byHand.value}
          onFocus={({ currentTarget }) => currentTarget.select()}
        />
      )}
    </>
  );
}
