import { PlatformError } from "../../platform/errors/platform-error.ts";

const maxCharacters = 100;

/**
 * Refuses a name that the engine would refuse. Checked before anything else, because the name becomes part of URNs, file
 * names and commands, and an offline preview of a stack that cannot exist would mislead.
 *
 * @throws PlatformError STACK_CONFIG_INVALID
 */
export function requireStackName(stack: string): void {
  const reason = faultOf(stack);
  if (reason === undefined) return;
  throw new PlatformError([
    {
      code: "STACK_CONFIG_INVALID",
      path: "stack",
      message: `${JSON.stringify(stack)} cannot be the name of a stack: ${reason}`,
      allowed: `1 to ${maxCharacters} letters (A to Z), digits, "-", "_" and "."`,
      remedy: "Choose another name for the stack.",
    },
  ]);
}

function faultOf(stack: string): string | undefined {
  if (stack === "") return "it is empty";
  if (stack.length > maxCharacters) return `it has ${stack.length} characters`;
  const [refused] = /[^A-Za-z0-9._-]/u.exec(stack) ?? [];
  return refused === undefined ? undefined : `it has the character ${JSON.stringify(refused)}`;
}
