import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/**
 * Syntax that TypeScript cannot simply erase, and casts that switch the compiler off: neither is used here.
 * `expect(x as unknown as Y)` hides exactly the mistake a type would have found.
 */
const forbiddenSyntax = [
  { selector: "TSEnumDeclaration", message: "Use a union of string literals instead of an enum." },
  {
    selector: "TSModuleDeclaration:not([declare=true]):not([kind='global'])",
    message: "Use an ES module instead of a namespace.",
  },
  {
    selector: "TSAsExpression > TSAsExpression > TSUnknownKeyword",
    message: "A cast through unknown tells the compiler nothing. Narrow the value, or fix its type.",
  },
];

export default defineConfig(
  globalIgnores([
    "dist/",
    "site/",
    "examples/",
    "docs/api/",
    ".cache/",
    "coverage/",
    "test-results/",
    "playwright-report/",
  ]),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: "error",
      "no-undef": "off", // the compiler checks this, in scripts too
      "no-restricted-syntax": ["error", ...forbiddenSyntax],
      "@typescript-eslint/ban-ts-comment": [
        "error",
        { "ts-ignore": true, "ts-expect-error": "allow-with-description", "ts-nocheck": true },
      ],
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-misused-spread": ["error", { allow: ["string"] }], // [...text] is its code points
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Array reads are typed without `undefined` (noUncheckedIndexedAccess is off: kernels' twins are all array
      // reads), so these two would call necessary checks of such reads unnecessary.
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      // Overload signatures with documentation of their own read better than one union.
      "@typescript-eslint/unified-signatures": "off",
    },
  },
  {
    // A cast in a JSDoc comment, which the compiler honours, is invisible to these two.
    files: ["**/*.mjs", "**/*.js"],
    rules: { "@typescript-eslint/no-unsafe-assignment": "off", "@typescript-eslint/no-unsafe-return": "off" },
  },
  {
    // vitest's `expect(object.method)` reads methods without calling them.
    files: ["tests/**"],
    rules: { "@typescript-eslint/unbound-method": "off" },
  },
);
