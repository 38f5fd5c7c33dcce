import type { ComponentChildren } from "preact";

/** A list of figures with their names. */
export function Stats({ children }: { children: ComponentChildren }) {
  return <dl class="stats">{children}</dl>;
}

/** A figure of {@link Stats}. */
export function Stat(props: { label: string; value: ComponentChildren; title?: string }) {
  return (
    <div title={props.title}>
      <dt>{props.label}</dt>
      <dd>{props.value}</dd>
    </div>
  );
}
