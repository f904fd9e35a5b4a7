import tseslint from "typescript-eslint";

/** Imports that make a module impure, and where they lead. */
const sdk = ["@pulumi/*", "@pulumi/*/**", "@kubernetes/*", "@aws-sdk/*"];
const http = ["node:http", "node:http2", "node:https", "node:net", "undici", "hono", "fastify"];
const upTo = (...folders) => folders.flatMap((folder) => [`**/../${folder}/**`, `../${folder}/**`]);

/** A folder may import only what the layout in docs/architecture.md allows it. */
function restrict(files, patterns, message, ignores = []) {
  return {
    files,
    ignores,
    rules: { "no-restricted-imports": ["error", { patterns: [{ group: patterns, message }] }] },
  };
}

export default tseslint.config(
  { ignores: ["node_modules/**", "dist/**"] },
  ...tseslint.configs.strict,
  {
    files: ["**/*.ts"],
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/explicit-module-boundary-types": [
        "error",
        { allowArgumentsExplicitlyTypedAsAny: false },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      eqeqeq: "error",
      "no-console": "error",
      "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "Node strips types only: use a union of literals." },
        { selector: "ExportAllDeclaration", message: "No barrels: export what is public by name." },
      ],
    },
  },
  restrict(
    ["optimizer/**/*.ts"],
    [
      ...sdk,
      ...http,
      "node:fs",
      "node:fs/*",
      "node:child_process",
      ...upTo("platform", "stacks", "components", "policies", "services", "cli"),
    ],
    "optimizer/ is pure and imports nothing of the project.",
  ),
  restrict(
    ["platform/**/*.ts"],
    [...sdk, ...http, "node:child_process", ...upTo("stacks", "components", "policies", "services", "cli")],
    "platform/ is pure: it imports optimizer/ and no SDK.",
  ),
  restrict(
    ["components/**/*.ts"],
    [...http, ...upTo("stacks", "policies", "services", "cli")],
    "components/ import the Pulumi SDKs and platform/.",
  ),
  restrict(
    ["stacks/**/*.ts"],
    upTo("policies", "services", "cli"),
    "stacks/ import platform/ and components/.",
  ),
  restrict(
    ["policies/**/*.ts"],
    upTo("stacks", "components", "services", "cli"),
    "policies/ import platform's types and the catalog.",
  ),
  restrict(
    ["services/**/*.ts"],
    [...sdk, ...upTo("stacks", "components", "policies", "cli")],
    "services/ import platform/ and optimizer/; only automation/ runs the program.",
    ["services/automation/**"],
  ),
  { files: ["bench/**/*.ts", "scripts/**/*.ts"], rules: { "no-console": "off" } },
  {
    files: ["test/**/*.ts"],
    rules: { "max-lines": "off", "@typescript-eslint/explicit-module-boundary-types": "off" },
  },
  {
    files: ["**/*.js", "**/*.cjs"],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
