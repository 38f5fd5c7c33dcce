/**
 * Reads from WGSL source what the host needs to know: bindings, the Params struct, overrides, and which of them each
 * entry point uses. The .wgsl is the source of truth; nothing of this is written twice. It is no compiler: it expects
 * the conventions of the shaders folder (bindings in group 0, `params` in group 1, scalars only in Params).
 */
import { ShaderError } from "../util/errors.ts";

export interface Binding {
  binding: number;
  name: string;
  access: "read" | "read_write";
  /** Scalar element type after aliases: f32, u32, i32, f16, or an alias the header must define. */
  element: string;
}

export interface ParamField {
  name: string;
  type: "u32" | "i32" | "f32";
}

export interface EntryPoint {
  bindings: Binding[];
  usesParams: boolean;
}

export interface Declarations {
  entries: Map<string, EntryPoint>;
  params: ParamField[];
  overrides: Set<string>;
  /** Aliases that are used but not defined: the generated header defines them. */
  usesF16: boolean;
}

// A name behind a dot is a member, not a reference. Locals that shadow a binding would count as uses: avoid them.
const identifiers = /(?<![.\w])[A-Za-z_]\w*/g;

/** Parses the concatenated source of one kernel. */
export function parseWgsl(source: string, name: string): Declarations {
  const code = stripComments(source);
  const aliases = new Map<string, string>();
  for (const [, alias, target] of code.matchAll(/\balias\s+(\w+)\s*=\s*([^;]+);/g))
    aliases.set(alias, target.trim());

  const bindings: Binding[] = [];
  let paramsName: string | undefined;
  const declared =
    /@group\(\s*(\d+)\s*\)\s*@binding\(\s*(\d+)\s*\)\s*var\s*<\s*(\w+)\s*(?:,\s*(\w+)\s*)?>\s*(\w+)\s*:\s*([^;]+);/g;
  for (const [, group, binding, space, access, variable, type] of code.matchAll(declared)) {
    if (space === "uniform") {
      if (group !== "1" || binding !== "0" || type.trim() !== "Params") {
        throw new ShaderError(`${name}: uniform ${variable} must be @group(1) @binding(0) of type Params`);
      }
      paramsName = variable;
      continue;
    }
    if (group !== "0")
      throw new ShaderError(`${name}: storage binding ${variable} is in group ${group}, expected group 0`);
    bindings.push({
      binding: Number(binding),
      name: variable,
      access: access === "read_write" ? "read_write" : "read",
      element: elementType(type, aliases),
    });
  }

  const params = parseParams(code, name);
  const overrides = new Set([...code.matchAll(/\boverride\s+(\w+)/g)].map((match) => match[1]));
  const functions = parseFunctions(code, name);

  const entries = new Map<string, EntryPoint>();
  for (const [entry, { isEntry }] of functions) {
    if (!isEntry) continue;
    const used = reachable(entry, functions);
    entries.set(entry, {
      bindings: bindings.filter((binding) => used.has(binding.name)),
      usesParams: paramsName !== undefined && used.has(paramsName),
    });
  }
  return { entries, params, overrides, usesF16: /\bf16\b|\bvec[234]h\b/.test(code) };
}

export function stripComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, " ").replace(/\/\/[^\n]*/g, " ");
}

function elementType(type: string, aliases: Map<string, string>): string {
  let current = type.trim();
  for (;;) {
    const array = /^array\s*<([\s\S]+?)>$/.exec(current);
    const generic = /^(?:vec[234]|atomic)\s*<\s*(\w+)\s*>$/.exec(current);
    const short = /^vec[234]([fuih])$/.exec(current);
    if (array) current = array[1].split(",")[0].trim();
    else if (generic) current = generic[1];
    else if (short) return { f: "f32", u: "u32", i: "i32", h: "f16" }[short[1]] ?? short[1];
    else {
      const target = aliases.get(current);
      if (target === undefined) return current;
      current = target;
    }
  }
}

function parseParams(code: string, name: string): ParamField[] {
  const struct = /\bstruct\s+Params\s*\{([^}]*)\}/.exec(code);
  if (!struct) return [];
  return struct[1]
    .split(",")
    .map((field) => field.trim())
    .filter((field) => field !== "")
    .map((field) => {
      const match = /^(\w+)\s*:\s*(u32|i32|f32)$/.exec(field);
      if (!match) throw new ShaderError(`${name}: Params field "${field}", expected a u32, i32 or f32`);
      return { name: match[1], type: match[2] as ParamField["type"] };
    });
}

interface FunctionBody {
  isEntry: boolean;
  identifiers: Set<string>;
}

function parseFunctions(code: string, name: string): Map<string, FunctionBody> {
  const functions = new Map<string, FunctionBody>();
  for (const match of code.matchAll(/((?:@\w+(?:\s*\([^)]*\))?\s*)*)\bfn\s+(\w+)/g)) {
    const open = code.indexOf("{", match.index);
    let depth = 0;
    let end = open;
    for (; end < code.length; end++) {
      if (code[end] === "{") depth++;
      else if (code[end] === "}" && --depth === 0) break;
    }
    if (open < 0 || depth !== 0) throw new ShaderError(`${name}: braces of fn ${match[2]} do not match`);
    functions.set(match[2], {
      isEntry: match[1].includes("@compute"),
      identifiers: new Set(code.slice(open, end).match(identifiers) ?? []),
    });
  }
  return functions;
}

function reachable(entry: string, functions: Map<string, FunctionBody>): Set<string> {
  const seen = new Set<string>();
  const pending = [entry];
  for (let current = pending.pop(); current !== undefined; current = pending.pop()) {
    for (const identifier of functions.get(current)?.identifiers ?? []) {
      if (seen.has(identifier)) continue;
      seen.add(identifier);
      if (functions.has(identifier)) pending.push(identifier);
    }
  }
  return seen;
}
