import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PlatformError } from "../platform/errors/platform-error.ts";
import { nearestName } from "../platform/spec/nearest.ts";

/** Root of the package: one level up in the repository, two from the compiled `dist/cli/`. */
const root = new URL(import.meta.url.endsWith(".ts") ? "../" : "../../", import.meta.url);

export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
  return String((manifest as { version: string }).version);
}

/** Names of the specs that come with the package. */
export function shippedStacks(): readonly string[] {
  return readdirSync(new URL("stacks/", root))
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.replace(/\.yaml$/, ""))
    .toSorted();
}

export interface SpecChoice {
  readonly stack?: string;
  readonly spec?: string;
}

/**
 * The spec file that the options name: `--spec` wins, else the shipped spec of `--stack`.
 *
 * @throws PlatformError STACK_UNKNOWN where no such spec is shipped.
 */
export function specFileOf(choice: SpecChoice, fallbackStack?: string): string {
  if (choice.spec !== undefined) return choice.spec;
  const stack = choice.stack ?? fallbackStack;
  const shipped = shippedStacks();
  if (stack === undefined) {
    throw new PlatformError([
      { code: "STACK_UNKNOWN", message: "neither --stack nor --spec is given", allowed: shipped.join(", ") },
    ]);
  }
  const file = new URL(`stacks/${stack}.yaml`, root);
  if (!shipped.includes(stack) || !existsSync(file)) {
    const nearest = nearestName(stack, shipped);
    throw new PlatformError([
      {
        code: "STACK_UNKNOWN",
        message: `no stack "${stack}" is shipped${nearest ? `; did you mean "${nearest}"?` : ""}`,
        allowed: shipped.join(", "),
      },
    ]);
  }
  return relativeToHere(fileURLToPath(file));
}

/** Shorter paths in messages where the file lies below the working folder. */
function relativeToHere(file: string): string {
  const here = `${process.cwd()}/`;
  return file.startsWith(here) ? file.slice(here.length) : file;
}
