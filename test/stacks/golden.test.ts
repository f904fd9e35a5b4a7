import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import type { RecordedResource } from "../components/support/resources-of.ts";
import { recordingOfStack } from "../components/support/stack-recording.ts";

/** Written anew by `UPDATE_GOLDEN=1 npx vitest run test/stacks`; every change needs a named test beside it. */
test.each(["dev", "test", "prod"])("every resource of stack %s is exactly as recorded", async (stack) => {
  const { resources } = await recordingOfStack(stack);
  const rendered = golden(resources);
  const file = `test/golden/${stack}.yaml`;
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, rendered);
  expect(rendered).toBe(readFileSync(file, "utf8"));
});

test("the recording does not depend on the order in which resources are registered", async () => {
  const [first, second] = [await recordingOfStack("dev"), await recordingOfStack("dev")];
  expect(golden(first.resources)).toBe(golden(second.resources));
});

function golden(resources: readonly RecordedResource[]): string {
  const entries = resources
    .map(({ type, name, parent, inputs }) => ({
      type,
      name,
      parent: parent.split("::").slice(2).join("::"),
      inputs: sorted(inputs),
    }))
    .toSorted((left, right) => (`${left.type} ${left.name}` < `${right.type} ${right.name}` ? -1 : 1));
  return stringify(entries, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** The same value with the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, entry]) => [key, sorted(entry)]),
  );
}
