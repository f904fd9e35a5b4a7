import { expect, test } from "vitest";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { requireStackName } from "../../../services/automation/stack-name.ts";

function refusalOf(stack: string): string | undefined {
  try {
    requireStackName(stack);
    return undefined;
  } catch (error) {
    if (!PlatformError.is(error) || error.code !== "STACK_CONFIG_INVALID") throw error;
    return error.message;
  }
}

test.each(["prod", "eu-west_1.Blue", "2", "a".repeat(100)])("accepts the name %s", (stack) => {
  expect(refusalOf(stack)).toBeUndefined();
});

test.each([
  ["", "it is empty"],
  ["my stack!", 'it has the character " "'],
  ["acme/prod", 'it has the character "/"'],
  ["../prod", 'it has the character "/"'],
  ["größe", 'it has the character "ö"'],
  ["prod\n", 'it has the character "\\n"'],
  ["a".repeat(101), "it has 101 characters"],
])("refuses the name %j and says why", (stack, reason) => {
  const refusal = refusalOf(stack);
  expect(refusal).toContain(reason);
  expect(refusal).toContain('allowed: 1 to 100 letters (A to Z), digits, "-", "_" and "."');
});
