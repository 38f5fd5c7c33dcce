import { useMemo } from "preact/hooks";
import type { Heat } from "../components/picture.tsx";
import { store } from "./ask-store.ts";
import { attentionOf } from "./figures.ts";

/** Where the token that is looked at looks, as a picture takes it; null while nobody looks. */
export function useHeat(): Heat | null {
  const inspection = store.canLook.value ? store.inspection.value : null;
  const token = store.looking.value?.token ?? null;
  return useMemo(() => {
    const image = inspection?.images.at(0);
    if (!image) return null;
    const { rows, columns, weights } = image;
    return { rows, columns, weights: attentionOf(weights, rows * columns, token) };
  }, [inspection, token]);
}
