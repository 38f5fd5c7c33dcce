import * as v from "valibot";
import { InvalidOptionError } from "../util/errors.ts";

type Schema = v.GenericSchema;

/**
 * Checks a value against a schema and fills in its defaults.
 * @param what begins the message: "recipe"
 * @throws InvalidOptionError naming the option by its path, what was got and what is expected; an unknown option too.
 */
export function parseOptions<S extends Schema>(what: string, schema: S, value: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new InvalidOptionError(path ? `${what}: ${path}` : what, issue.received, expected(schema, issue));
}

function expected(schema: Schema, issue: v.BaseIssue<unknown>): string {
  if (issue.expected === "never") {
    const known = Object.keys(entriesAt(schema, issue.path?.slice(0, -1) ?? []));
    return `one of the options ${known.join(", ")}`;
  }
  // A key that is missing is its object's issue, which expects the key's name.
  if (issue.type.endsWith("_object") && issue.received === "undefined") return "a value";
  return issue.expected ?? issue.message;
}

/** The options that the object at this path has. */
function entriesAt(schema: Schema, path: readonly { key: unknown }[]): Record<string, Schema> {
  let entries = entriesOf(schema);
  for (const { key } of path) entries = entriesOf(entries[String(key)]);
  return entries;
}

function entriesOf(schema: Schema | undefined): Record<string, Schema> {
  if (schema && "wrapped" in schema) return entriesOf(schema.wrapped as Schema);
  return schema && "entries" in schema ? (schema.entries as Record<string, Schema>) : {};
}
