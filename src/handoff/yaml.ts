/** What a configuration is made of. */
export type ConfigValue = string | number | boolean | null | readonly ConfigValue[] | ConfigTree;
/** Values by name, in order. */
export interface ConfigTree {
  [name: string]: ConfigValue;
}

/**
 * A configuration as YAML: names with their values, deeper ones indented. Texts stand in double quotes, as JSON has them.
 * @param remarks what is said behind the value under a dotted name.
 */
export function toYaml(tree: ConfigTree, remarks: ReadonlyMap<string, string> = new Map()): string {
  return lines(tree, "", "", remarks).join("\n");
}

function lines(
  tree: ConfigTree,
  indent: string,
  prefix: string,
  remarks: ReadonlyMap<string, string>,
): string[] {
  return Object.entries(tree).flatMap(([name, value]) => {
    const path = prefix + name;
    const remark = remarks.get(path);
    const behind = remark === undefined ? "" : `  # ${remark}`;
    if (!isTree(value)) return [`${indent}${name}: ${scalar(value)}${behind}`];
    if (Object.keys(value).length === 0) return [`${indent}${name}: {}${behind}`];
    return [`${indent}${name}:${behind}`, ...lines(value, `${indent}  `, `${path}.`, remarks)];
  });
}

/** Whether a value has values of its own. */
export function isTree(value: ConfigValue): value is ConfigTree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function scalar(value: ConfigValue): string {
  if (typeof value !== "number") return JSON.stringify(value);
  // YAML 1.1, which most of Python reads, takes 1e-06 for a text: there must be a point.
  const text = String(value);
  if (!text.includes("e")) return text;
  const [mantissa, exponent] = text.split("e");
  return `${mantissa.includes(".") ? mantissa : `${mantissa}.0`}e${exponent}`;
}

/** The value under a dotted name; undefined where there is none. */
export function valueAt(tree: ConfigTree, path: string): ConfigValue | undefined {
  let value: ConfigValue | undefined = tree;
  for (const name of path.split(".")) {
    if (value === undefined || !isTree(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** A copy in which the value under a dotted name is another. */
export function withValue(tree: ConfigTree, path: string, value: ConfigValue): ConfigTree {
  const [name, ...rest] = path.split(".");
  if (rest.length === 0) return { ...tree, [name]: value };
  const inner = Object.hasOwn(tree, name) ? tree[name] : {};
  return { ...tree, [name]: withValue(isTree(inner) ? inner : {}, rest.join("."), value) };
}
