/** A picture on a canvas: a tiny scene in crisp pixels, a photograph smoothly; with weights of its patches over it. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isPixels, toImageData } from "./pictures.ts";
import type { Pixels } from "./pictures.ts";

/** Weights of an image's patches, row by row. */
export interface Heat {
  rows: number;
  columns: number;
  /** `rows · columns` numbers that are not negative; the largest one is drawn strongest. */
  weights: ArrayLike<number>;
}

/** Images below this many pixels an edge are drawings of few pixels, and shown as such. */
const crispBelow = 128;

export function Picture(props: {
  image: Pixels | Blob | ImageBitmap | null;
  /** For screen readers. */
  label: string;
  /** Of the longer edge, CSS pixels. Default 128 for tiny pictures, else 320. */
  size?: number;
  heat?: Heat | null;
  /** Why an image could not be drawn. */
  onError?: (error: unknown) => void;
  /** Laid over the picture, in a box exactly as large. */
  children?: ComponentChildren;
}) {
  const { image, label, size, heat, onError, children } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let left = false;
    void paint();
    return () => {
      left = true;
    };

    async function paint(): Promise<void> {
      if (!image) return;
      try {
        const made = image instanceof ImageBitmap ? image : await toBitmap(image);
        if (!left && canvas.current) drawPicture(canvas.current, made, heat ?? null, size);
        if (made !== image) made.close();
      } catch (error) {
        if (!left) onError?.(error);
      }
    }
    // The callback may be another one at each rendering: it says nothing of what is drawn.
  }, [image, heat, size]);
  return (
    <div class="picture">
      <canvas ref={canvas} role="img" aria-label={label} width={1} height={1} />
      {children !== undefined && children !== false && <div class="overlay">{children}</div>}
    </div>
  );
}

function toBitmap(image: Pixels | Blob): Promise<ImageBitmap> {
  return createImageBitmap(isPixels(image) ? toImageData(image) : image);
}

/** Scales by whole steps where the picture is tiny, so that its pixels stay squares. */
function drawPicture(
  canvas: HTMLCanvasElement,
  bitmap: ImageBitmap,
  heat: Heat | null,
  wanted?: number,
): void {
  const edge = Math.max(bitmap.width, bitmap.height);
  const crisp = edge < crispBelow;
  const size = wanted ?? (crisp ? 128 : 320);
  const density = Math.min(3, Math.max(1, devicePixelRatio));
  // A photograph is not drawn larger than it is; a scene always.
  const shown = crisp ? size : Math.min(size, edge);
  const scale = crisp ? Math.max(1, Math.ceil((shown * density) / edge)) : (shown * density) / edge;
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.style.width = `${Math.round((shown * bitmap.width) / edge)}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.imageSmoothingEnabled = !crisp;
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  if (heat) drawHeat(context, heat);
}

/** What has no weight is dimmed; the more of it, the more of the picture is seen, in a frame where it is most. */
function drawHeat(context: CanvasRenderingContext2D, { rows, columns, weights }: Heat): void {
  const { width, height } = context.canvas;
  const most = Array.from(weights).reduce((max, weight) => Math.max(max, weight), 0);
  if (most <= 0) return;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const share = weights[row * columns + column] / most;
      const left = Math.round((column * width) / columns);
      const top = Math.round((row * height) / rows);
      const right = Math.round(((column + 1) * width) / columns);
      const bottom = Math.round(((row + 1) * height) / rows);
      context.fillStyle = `rgb(0 0 0 / ${0.72 * (1 - share)})`;
      context.fillRect(left, top, right - left, bottom - top);
      if (share > 0.5) {
        context.strokeStyle = `rgb(255 200 60 / ${share})`;
        context.lineWidth = Math.max(1, width / 160);
        context.strokeRect(left + 1, top + 1, right - left - 2, bottom - top - 2);
      }
    }
  }
}
