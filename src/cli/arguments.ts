import { parseArgs } from "node:util";
import type { ArgsDef } from "citty";

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

interface Parsed {
  values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  positionals: string[];
}

/**
 * Parses strictly, where citty takes whatever comes: an option that is not declared, lacks its value or is not among
 * those allowed, a missing or surplus argument.
 * @throws UsageError saying which.
 */
export function checkArguments(args: ArgsDef, rawArgs: readonly string[]): Parsed {
  const parsed = strictly(args, rawArgs);
  const positional = Object.entries(args).filter(([, { type }]) => type === "positional");
  const surplus = parsed.positionals[positional.length];
  if (surplus !== undefined) throw new UsageError(`unexpected argument: ${surplus}`);
  const missing = positional.slice(parsed.positionals.length).find(([, { required }]) => required !== false);
  if (missing) throw new UsageError(`missing argument: ${missing[0].toUpperCase()}`);
  for (const [name, definition] of Object.entries(args)) {
    if (definition.type === "positional") continue;
    const given = parsed.values[name];
    if (definition.required && given === undefined) throw new UsageError(`missing option: --${name}`);
    const allowed = definition.type === "enum" ? (definition.options ?? []) : undefined;
    for (const value of Array.isArray(given) ? given : []) {
      if (value === "") throw new UsageError(`--${name}: got an empty value`);
      if (allowed && !allowed.includes(String(value))) {
        throw new UsageError(`--${name}: got ${value}, expected one of ${allowed.join(", ")}`);
      }
    }
  }
  return parsed;
}

/** Every value of an option that may be given several times, in order. */
export function everyValue(args: ArgsDef, rawArgs: readonly string[], name: string): string[] {
  const given = strictly(args, rawArgs).values[name];
  return Array.isArray(given) ? given.map(String) : [];
}

/**
 * The number an option was given as; undefined when it was not.
 * @throws UsageError when it is none.
 */
export function numberOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new UsageError(`--${name}: got ${text}, expected a number`);
  }
  return value;
}

function strictly(args: ArgsDef, rawArgs: readonly string[]): Parsed {
  const options: Record<string, { type: "string" | "boolean"; multiple?: boolean; short?: string }> = {};
  for (const [name, { type, ...rest }] of Object.entries(args)) {
    if (type === "positional") continue;
    const aliases = "alias" in rest ? [rest.alias ?? []].flat() : [];
    const short = aliases.find((alias) => alias.length === 1);
    const kind = type === "boolean" ? ({ type } as const) : ({ type: "string", multiple: true } as const);
    options[name] = { ...kind, ...(short !== undefined && { short }) };
  }
  try {
    return parseArgs({ args: [...rawArgs], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node says it in several lines, of which the advice on arguments that begin with a dash only misleads.
    const said = error instanceof Error ? error.message : String(error);
    const message = said.replace(/ To specify a positional argument starting[^]*/, "").replaceAll("\n", " ");
    throw new UsageError(`${message.charAt(0).toLowerCase()}${message.slice(1)}`, { cause: error });
  }
}
