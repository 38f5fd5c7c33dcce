/** The tab “Ask”: a picture, a question, an answer that streams, and where the policy looks. */
import { effect, untracked } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { DropArea } from "../components/drop-area.tsx";
import { settings } from "../state/settings.ts";
import { AnswerPanel } from "./answer-panel.tsx";
import "./ask.css";
import { readAskLink } from "./ask-link.ts";
import { store } from "./ask-store.ts";
import { History } from "./history.tsx";
import { OpenModel } from "./open-model.tsx";
import { PicturePanel } from "./picture-panel.tsx";
import { QuestionPanel } from "./question-panel.tsx";

const take = (files: File[]) => void store.takeFiles(files);

export function AskTab() {
  useEffect(followAddress, []);
  return (
    <DropArea onFiles={take} paste class="ask-tab">
      <PicturePanel />
      <div class="ask-words">
        <QuestionPanel />
        <AnswerPanel />
        <History />
      </div>
      <OpenModel />
    </DropArea>
  );
}

/** Opens what a link asks for; without one, the first scene of the built-in task. */
function followAddress(): () => void {
  return effect(() => {
    const link = settings.tab.value === "ask" ? readAskLink(settings.params.value) : null;
    untracked(() => {
      if (link) void store.open(link);
      // A link without a scene leaves the one that is shown.
      if (!link?.scene && store.pictures.picture.value === null)
        void store.takeScene(undefined, link?.question ?? null);
    });
  });
}
