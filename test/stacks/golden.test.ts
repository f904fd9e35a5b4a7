import { expect, test } from "vitest";
import { golden, recorded } from "../support/golden.ts";
import { recordingOfStack } from "../components/support/stack-recording.ts";

/** Written anew by `UPDATE_GOLDEN=1 npx vitest run test/stacks`; every change needs a named test beside it. */
test.each(["dev", "test", "prod"])("every resource of stack %s is exactly as recorded", async (stack) => {
  const { resources } = await recordingOfStack(stack);
  const rendered = golden(resources);
  expect(rendered).toBe(recorded(`test/golden/${stack}.yaml`, rendered));
});

test("the recording does not depend on the order in which resources are registered", async () => {
  const [first, second] = [await recordingOfStack("dev"), await recordingOfStack("dev")];
  expect(golden(first.resources)).toBe(golden(second.resources));
});
