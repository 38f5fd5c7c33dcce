/** The page's name, what it is, the policy in use and how it stands. */
import { run } from "../state/run.ts";
import { session } from "../state/session.ts";
import { Meter } from "./meter.tsx";
import { Problem } from "./problem.tsx";
import { ThemeSwitch } from "./theme-switch.tsx";

export function Header() {
  return (
    <header class="page-header">
      <div class="title-row">
        <h1>Thinktab</h1>
        <ThemeSwitch />
      </div>
      <p class="lead">
        A small vision-language policy that answers questions about pictures, and learns by trial and reward
        to think first. All of it happens in this tab: no server, no account.
      </p>
      <PolicyBar />
    </header>
  );
}

function PolicyBar() {
  const { policy, progress, state, title, problem, note, heldBy } = session;
  const loading = state.value !== "ready" && state.value !== "unavailable";
  const done = progress.value;
  return (
    <>
      <div class="policy-bar">
        <span class={`dot ${state.value}`} aria-hidden="true" />
        <span class="policy-name" role="status" aria-label="Policy status">
          {statusText()}
        </span>
        {loading && (
          <Meter
            value={done ? done.done / done.total : null}
            label="Loading the policy"
            class="policy-meter"
          />
        )}
        {!loading && (
          <button
            type="button"
            class="secondary outline small"
            disabled={heldBy.value !== null}
            title="The same policy as it was before any training"
            onClick={() => void session.startOver().then(() => run.look())}
          >
            {policy.value ? "Start over" : "Try again"}
          </button>
        )}
        {!loading && isTrainedKept() && (
          <button
            type="button"
            class="secondary outline small"
            disabled={heldBy.value !== null}
            title="The weights that the last run ended with"
            onClick={() => void run.useTrained()}
          >
            Use the trained policy
          </button>
        )}
      </div>
      {note.value && (
        <p class="notice with-dismiss" role="status">
          {note.value}
          <button type="button" class="dismiss" aria-label="Dismiss" onClick={() => session.dismissNote()}>
            ×
          </button>
        </p>
      )}
      <Problem error={problem.value} />
    </>
  );

  /** The last run's weights are kept, and not those in use. */
  function isTrainedKept(): boolean {
    const record = run.record.value;
    return record?.recipe.model === session.model.value && session.trainedSteps.value === 0;
  }

  function statusText(): string {
    switch (state.value) {
      case "starting":
        return "Starting the engine…";
      case "restarting":
        return "The GPU was lost. Starting again…";
      case "loading":
        return done ? `Loading the policy: ${done.done} of ${done.total} layers` : "Loading the policy…";
      case "unavailable":
        return "No policy.";
      case "ready":
        return title.value;
    }
  }
}
