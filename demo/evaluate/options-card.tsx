import { EndpointFields } from "../components/endpoint-fields.tsx";
import { NumberField, SelectField, TextField } from "../components/field.tsx";
import { Fold } from "../components/fold.tsx";
import { session } from "../state/session.ts";
import { evaluateForm } from "./evaluate-form.ts";
import { evaluate } from "./evaluate-store.ts";

/** Who answers, who judges, and how it is asked. */
export function OptionsCard() {
  const busy = evaluate.state.value !== "idle";
  const { answeredBy, endpoint, prefill, limit, maxTokens, seed } = evaluateForm;
  return (
    <section class="card" aria-label="Who answers">
      <h2>Who answers</h2>
      <div class="evaluate-fields">
        <SelectField
          label="Answers are given by"
          value={answeredBy}
          disabled={busy}
          options={[
            ["policy", `the policy in this tab${session.policy.value ? `: ${session.title.value}` : ""}`],
            ["base", "the policy without its adapter"],
            ["openai", "an OpenAI-compatible endpoint"],
          ]}
        />
        {answeredBy.value === "openai" ? (
          <EndpointFields
            id="evaluate-endpoint"
            draft={endpoint.value}
            busy={busy}
            onChange={(change) => (endpoint.value = { ...endpoint.peek(), ...change })}
          />
        ) : (
          <SelectField
            label="Its answers begin with"
            value={prefill}
            disabled={busy}
            options={[
              ["", "what it likes"],
              ["<think>", "<think>: it reasons first"],
              ["<answer>", "<answer>: it answers at once"],
            ]}
          />
        )}
        <NumberField label="Most tokens of an answer" value={maxTokens} min={1} disabled={busy} />
        <NumberField
          label="Questions to draw"
          value={limit}
          min={0}
          disabled={busy}
          hint="0 asks all of them. One drawn comes with all its rotations."
        />
        <NumberField label="Seed of the draw" value={seed} min={0} disabled={busy} />
      </div>
      <MoreOptions busy={busy} />
      <ScoringOptions busy={busy} />
    </section>
  );
}

function MoreOptions({ busy }: { busy: boolean }) {
  const { system, systemText, split, concurrency, answeredBy } = evaluateForm;
  return (
    <Fold summary="System prompt and split">
      <div class="evaluate-fields">
        <SelectField
          label="System prompt"
          value={system}
          disabled={busy}
          options={[
            ["default", "as the benchmark is asked: our own, or none"],
            ["none", "none"],
            ["own", "a text of yours"],
          ]}
        />
        <TextField label="Only rows of the split" value={split} disabled={busy} placeholder="all" />
        {answeredBy.value === "openai" && (
          <NumberField label="Requests under way" value={concurrency} min={1} max={64} disabled={busy} />
        )}
      </div>
      {system.value === "own" && (
        <TextField label="Your system prompt" value={systemText} rows={3} disabled={busy} />
      )}
    </Fold>
  );
}

/** Options that may be changed without asking again. */
function ScoringOptions({ busy }: { busy: boolean }) {
  const { judgedBy, judge, cutTags } = evaluateForm;
  return (
    <>
      <h3>Who scores</h3>
      <div class="evaluate-fields">
        <SelectField
          label="Judge"
          value={judgedBy}
          disabled={busy}
          options={[
            ["none", "none: rules alone"],
            ["openai", "an OpenAI-compatible endpoint"],
            ["policy", "the policy without its adapter"],
          ]}
        />
        {judgedBy.value === "openai" && (
          <EndpointFields
            id="evaluate-judge"
            labels={{ baseUrl: "Address of the judge", model: "Name of the judge", key: "Key of the judge" }}
            sent="Questions, right answers and responses"
            images={false}
            draft={judge.value}
            busy={busy}
            onChange={(change) => (judge.value = { ...judge.peek(), ...change })}
          />
        )}
      </div>
      <label class="check-line">
        <input
          type="checkbox"
          disabled={busy}
          checked={cutTags.value}
          onChange={({ currentTarget }) => (cutTags.value = currentTarget.checked)}
        />
        Cut think and answer tags before scoring
      </label>
    </>
  );
}
