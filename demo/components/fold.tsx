import type { ComponentChildren } from "preact";

/** Something that is shown when asked for. */
export function Fold(props: {
  summary: ComponentChildren;
  open?: boolean;
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <details open={props.open} class={props.class}>
      <summary>{props.summary}</summary>
      {props.children}
    </details>
  );
}
