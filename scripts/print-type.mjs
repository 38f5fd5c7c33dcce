/** Writes a type out in full, with the comments of its members: as declarations have it that name no schema. */
import ts from "typescript";

/**
 * Plain data only: primitives, literals, unions, arrays, tuples and objects of these.
 * @param {ts.Type} type
 * @param {ts.TypeChecker} checker
 * @param {string} [indent] of the line on which the type begins
 * @returns {string}
 * @throws Error for a function, a class or a type parameter
 */
export function printType(type, checker, indent = "") {
  const print = (/** @type {ts.Type} */ part) => printType(part, checker, indent);
  if (type.flags & ts.TypeFlags.Boolean) return "boolean";
  if (type.isUnion()) return joinedUnion(type.types.map(print));
  if (type.isIntersection()) return type.types.map(print).join(" & ");
  if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.TypeParameter))) return checker.typeToString(type);
  if (checker.isTupleType(type))
    return `[${checker
      .getTypeArguments(/** @type {ts.TypeReference} */ (type))
      .map(print)
      .join(", ")}]`;
  if (checker.isArrayType(type)) {
    const element = checker.getTypeArguments(/** @type {ts.TypeReference} */ (type))[0];
    return element.isUnionOrIntersection() ? `(${print(element)})[]` : `${print(element)}[]`;
  }
  if (type.flags & ts.TypeFlags.TypeParameter || type.getCallSignatures().length > 0 || type.isClass()) {
    throw new Error(`${checker.typeToString(type)} is no plain data`);
  }
  const deeper = `${indent}    `;
  const members = [
    ...checker.getPropertiesOfType(type).map((property) => member(property, checker, deeper)),
    ...checker
      .getIndexInfosOfType(type)
      .map((info) => `${deeper}[key: ${print(info.keyType)}]: ${printType(info.type, checker, deeper)};`),
  ];
  return members.length === 0 ? "{}" : `{\n${members.join("\n")}\n${indent}}`;
}

/** @param {ts.Symbol} property @param {ts.TypeChecker} checker @param {string} indent */
function member(property, checker, indent) {
  const optional = (property.flags & ts.SymbolFlags.Optional) !== 0;
  const full = checker.getTypeOfSymbol(property);
  const type = optional ? checker.getNonNullableType(full) : full;
  // Only `undefined` goes with the question mark: a null is a value.
  const nullable = optional && full.isUnion() && full.types.some((part) => part.flags & ts.TypeFlags.Null);
  const comment = ts.displayPartsToString(property.getDocumentationComment(checker)).trim();
  const name = /^[A-Za-z_$][\w$]*$/.test(property.name) ? property.name : JSON.stringify(property.name);
  return [
    ...(comment === "" ? [] : [`${indent}/** ${comment.replaceAll("\n", `\n${indent} * `)} */`]),
    `${indent}${name}${optional ? "?" : ""}: ${printType(type, checker, indent)}${nullable ? " | null" : ""};`,
  ].join("\n");
}

/** `true | false` is boolean again. @param {string[]} parts */
function joinedUnion(parts) {
  const both = parts.includes("true") && parts.includes("false");
  const kept = both ? [...parts.filter((part) => part !== "true" && part !== "false"), "boolean"] : parts;
  return [...new Set(kept)].join(" | ");
}
