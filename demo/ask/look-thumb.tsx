import { Picture } from "../components/picture.tsx";
import { store } from "./ask-store.ts";
import { useHeat } from "./heat.ts";
import { whatIsSeen } from "./look-controls.tsx";
import { pixelsOf } from "./picture-store.ts";

/**
 * The picture once more, small and always in view, while a token is looked at: on a phone the large one is far above the
 * answer. Only there; for screen readers it would say everything twice.
 */
export function LookThumb() {
  const heat = useHeat();
  const looking = store.looking.value;
  const picture = store.pictures.picture.value;
  if (!heat || !looking || !picture) return null;
  return (
    <div class="ask-thumb" aria-hidden="true">
      <Picture image={pixelsOf(picture)} label="" size={96} heat={heat} />
      <p class="note">{whatIsSeen(looking.sample, looking.token)}</p>
    </div>
  );
}
