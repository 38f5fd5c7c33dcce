/** The few things that every part of the page needs from the document. */

/** The element with this id, of this class; its absence is a mistake in index.html. */
export function element<T extends Element>(id: string, type: abstract new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html: #${id} is not a ${type.name}`);
  return found;
}

/** A new element with attributes and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Partial<Record<"class" | "title", string>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** The value of a number field; what the browser takes for no number is reported as the engine reports it: NaN. */
export function numberIn(id: string): number {
  return element(id, HTMLInputElement).valueAsNumber;
}

/** Bytes as people read them. */
export function showBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** Text with a dot for each control character: a policy that babbles draws them, too. */
export function visible(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are the characters that are meant
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, "·");
}
