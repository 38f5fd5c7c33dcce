/** Text token by token, each shaded by a number: an advantage, a log-prob, a change of one. */
import { showNumber, visible } from "./format.ts";

export interface TokenTextProps {
  tokens: readonly string[];
  /** One for each token; null has no shade. */
  values: readonly (number | null)[];
  /** What is told of a token when it is pointed at; default: its value. */
  titles?: readonly string[];
  /** diverging: below and above 0 in two colours. sequential: 0 to `range` in one. */
  scale: "diverging" | "sequential";
  /** The value that has the full shade; default: the largest of these. */
  range?: number;
  /** What the shade means. */
  legend?: string;
  /** The token that is marked. */
  active?: number | null;
  /** Makes each token a button; arrow keys, Home and End move between them. Null: nothing is pointed at any more. */
  onActive?: (index: number | null) => void;
  /** Of the tokens together, for screen readers; where they are buttons. */
  label?: string;
}

export function TokenText(props: TokenTextProps) {
  const { tokens, values, titles, scale, legend, active = null, onActive, label = "Tokens" } = props;
  const range =
    props.range ?? values.reduce((most: number, value) => Math.max(most, Math.abs(value ?? 0)), 0);
  return (
    <div class="token-text">
      <div
        class="tokens"
        {...(onActive && {
          role: "group",
          "aria-label": label,
          onKeyDown: moveFocus,
          onMouseLeave: () => onActive(null),
        })}
      >
        {tokens.map((token, index) => {
          const value = values.at(index) ?? null;
          const title = titles?.at(index) ?? (value === null ? undefined : showNumber(value));
          const shared = {
            class: index === active ? "token active" : "token",
            style: { "--shade": shadeOf(value, range, scale) },
            title,
          };
          const text = visible(token).replaceAll("\n", "↵\n");
          if (!onActive) {
            return (
              <span key={index} {...shared}>
                {text}
              </span>
            );
          }
          return (
            <button
              key={index}
              type="button"
              {...shared}
              tabIndex={index === (active ?? 0) ? 0 : -1}
              aria-pressed={index === active}
              onMouseEnter={() => onActive(index)}
              onFocus={() => onActive(index)}
              onClick={() => onActive(index)}
            >
              {text}
            </button>
          );
        })}
      </div>
      {legend !== undefined && <TokenLegend scale={scale} range={range} text={legend} />}
    </div>
  );
}

/** One stop for the Tab key, arrows within: a text has hundreds of tokens. */
function moveFocus(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const tokens = [...event.currentTarget.querySelectorAll<HTMLElement>("button.token")];
  const index = tokens.findIndex((token) => token === document.activeElement);
  const targets: Record<string, number> = {
    ArrowRight: index + 1,
    ArrowLeft: index - 1,
    Home: 0,
    End: tokens.length - 1,
  };
  const target = tokens.at(Math.max(0, targets[event.key] ?? -1));
  if (!(event.key in targets) || !target) return;
  event.preventDefault();
  target.focus();
}

/** What the shades of {@link TokenText} stand for; for a list of them, once. */
export function TokenLegend(props: { scale: "diverging" | "sequential"; range: number; text: string }) {
  const ends = props.scale === "diverging" ? [-props.range, 0, props.range] : [0, props.range];
  return (
    <p class="token-legend note">
      <span>{props.text}:</span>
      {ends.map((value) => (
        <span key={value} class="token" style={{ "--shade": shadeOf(value, props.range, props.scale) }}>
          {showNumber(value)}
        </span>
      ))}
    </p>
  );
}

/** A colour: green above 0, red below, none at 0; the text stays readable on all of them. */
function shadeOf(value: number | null, range: number, scale: "diverging" | "sequential"): string {
  if (value === null || range === 0 || Number.isNaN(value)) return "transparent";
  const share = Math.min(1, Math.abs(value) / range);
  const colour = scale === "sequential" ? "--accent" : value < 0 ? "--token-low" : "--token-high";
  return `color-mix(in srgb, var(${colour}) ${Math.round(55 * share)}%, transparent)`;
}
