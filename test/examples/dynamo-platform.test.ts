import { expect, test } from "vitest";
import { loadSpec } from "../../platform/spec/load.ts";
import { recordingOfSpec } from "../components/support/stack-recording.ts";

test("Dynamo's first example installs its platform, in the release of its workers", async () => {
  const { resources } = await recordingOfSpec(await loadSpec("examples/dynamo-aggregated.yaml"));
  const releases = resources.filter(({ type }) => type.endsWith(":Release"));
  expect(releases.map(({ inputs }) => [inputs.chart, inputs.version])).toEqual([
    [expect.stringContaining("dynamo-platform"), "1.3.1"],
  ]);
});
