import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { tritonEngineOptionsSchema } from "../../../../platform/engines/triton/engine-options.ts";
import { tritonModelOptionsSchema } from "../../../../platform/engines/triton/model-options.ts";
import { tritonProfile } from "../../../../platform/engines/triton/profile.ts";

const readme = readFileSync("platform/engines/triton/README.md", "utf8");

/** Keys in the first column of the tables under a heading. */
function documented(heading: string): readonly string[] {
  const section = readme.split(`### ${heading}\n`)[1]?.split("\n### ")[0] ?? "";
  return [...section.matchAll(/^\| `(\w+)` /gm)].map(([, key]) => key ?? "");
}

test("every option is documented, and nothing else", () => {
  expect(documented("Keys of `triton` of a model")).toEqual(Object.keys(tritonModelOptionsSchema.shape));
  expect(documented("Keys of `triton` of an engine")).toEqual(Object.keys(tritonEngineOptionsSchema.shape));
});

test("the limits are those of the profile", () => {
  const limits = [...(readme.split("## Limits\n")[1] ?? "").matchAll(/^- (.*)$/gm)].map(([, limit]) => limit);
  expect(limits).toEqual(tritonProfile.limits);
});
