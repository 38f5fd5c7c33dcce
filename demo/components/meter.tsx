/** How far something is: 0 to 1, or null while nobody knows. */
export function Meter(props: { value: number | null; label: string; class?: string }) {
  return (
    <progress
      max={1}
      {...(props.value !== null && { value: Math.min(1, Math.max(0, props.value)) })}
      aria-label={props.label}
      class={props.class}
    />
  );
}
