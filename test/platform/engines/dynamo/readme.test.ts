import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { dynamoEngineSchema } from "../../../../platform/engines/dynamo/engine-options.ts";
import { dynamoModelSchema } from "../../../../platform/engines/dynamo/model-options.ts";
import { dynamoProfile } from "../../../../platform/engines/dynamo/profile.ts";

const readme = readFileSync("platform/engines/dynamo/README.md", "utf8");

/** Keys in the first column of the table under a heading. */
function documented(heading: string): readonly string[] {
  const section = readme.split(`### ${heading}\n`)[1]?.split("\n### ")[0] ?? "";
  return [...section.matchAll(/^\| `(\w+)` /gm)].map(([, key]) => key ?? "");
}

test("every option is documented, and nothing else", () => {
  expect(documented("`dynamo` of a model")).toEqual(Object.keys(dynamoModelSchema.shape));
  expect(documented("`dynamo` of an engine")).toEqual(Object.keys(dynamoEngineSchema.shape));
});

test("the limits are those of the profile", () => {
  const limits = [...(readme.split("## Limits\n")[1] ?? "").matchAll(/^- ((?:.*)(?:\n {2}.*)*)$/gm)].map(
    ([, limit]) => limit?.replaceAll(/\n */g, " "),
  );
  expect(limits).toEqual(dynamoProfile.limits);
});
