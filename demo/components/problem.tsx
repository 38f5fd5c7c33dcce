import type { RunRecipe } from "../../workers/client.ts";
import { adviceFor, isAbort } from "./advice.ts";

export { isAbort };

/** An error in words, with what can be done about it. Nothing for none, and for what the user asked to end. */
export function Problem(props: { error: unknown; recipe?: RunRecipe | null; onDismiss?: () => void }) {
  const { error, recipe, onDismiss } = props;
  if (error === undefined || error === null || isAbort(error)) return null;
  const { title, steps } = adviceFor(error, recipe);
  const { name, message } =
    error instanceof Error ? error : new Error("something that is no error was thrown");
  const [first, ...table] = message.split("\n");
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{title}</strong>
        {onDismiss && (
          <button type="button" class="dismiss" aria-label="Dismiss" onClick={onDismiss}>
            ×
          </button>
        )}
      </p>
      <ul>
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ul>
      <p class="cause">
        {name}: {first}
      </p>
      {table.length > 0 && <pre class="cause">{table.join("\n")}</pre>}
    </div>
  );
}
