import { describe, expect, test } from "vitest";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { planPlatform } from "../../platform/plan/plan.ts";
import { loadSpec } from "../../platform/spec/load.ts";
import type { PlatformSpec } from "../../platform/spec/schema.ts";
import { platformProgram } from "../../stacks/program.ts";
import { clusterSpec } from "../components/support/cluster-spec.ts";
import { resourcesOf } from "../components/support/resources-of.ts";
import { present } from "../components/support/present.ts";

/** The problems that the program refuses a spec with, and how many resources it had made by then. */
async function refusal(spec: PlatformSpec, plan = planPlatform(spec)) {
  let error: unknown;
  const resources = await resourcesOf(async () => {
    try {
      await platformProgram({ spec, plan, settings: { spec: "test" }, offline: true });
    } catch (thrown) {
      error = thrown;
    }
  });
  if (!PlatformError.is(error)) throw new Error("the program was not refused", { cause: error });
  return { problems: error.problems, resources: resources.length };
}

describe("the program refuses, before any resource,", () => {
  test("a platform of stage local", async () => {
    const { problems, resources } = await refusal(await loadSpec("stacks/local.yaml"));
    expect(problems).toMatchObject([{ code: "STACK_STAGE_UNSUPPORTED", path: "metadata.stage" }]);
    expect(resources).toBe(0);
  });

  test("a plan that leaves servers out, with the nearest misses", async () => {
    const { problems, resources } = await refusal(clusterSpec(["ttftP95: 3s", "ttftP95: 1ms"]));
    expect(problems).toMatchObject([{ code: "PLAN_UNPLACEABLE" }]);
    expect(problems[0]?.message).toMatch(/draft\/llama-3-70b\/1\/Free cannot be placed\. Nearest: /);
    expect(resources).toBe(0);
  });

  test("a dataset without id while offline, by its name", async () => {
    const { problems, resources } = await refusal(
      clusterSpec([", resourceId: 5d0c1d3e-1111-4222-8333-444455556666", ""]),
    );
    expect(problems).toMatchObject([
      { code: "STACK_DATASET_UNRESOLVED", message: expect.stringContaining('"Fraud_Models" of risk/fraud') },
    ]);
    expect(resources).toBe(0);
  });

  test("an engine that loads from a dataset in a cluster without a file system", async () => {
    const spec = clusterSpec();
    const { efs: _efs, ...existing } = present(spec.cluster).existing;
    const { problems, resources } = await refusal({ ...spec, cluster: { existing } });
    expect(problems).toMatchObject([{ code: "SPEC_KEY_MISSING", path: "cluster.existing.efs" }]);
    expect(resources).toBe(0);
  });

  test("a spec without cluster and proxy, both at once", async () => {
    const spec = clusterSpec();
    const { cluster: _cluster, proxy: _proxy, ...rest } = spec;
    const { problems, resources } = await refusal(rest, planPlatform(spec));
    expect(problems).toMatchObject([
      { code: "SPEC_KEY_MISSING", path: "cluster" },
      { code: "SPEC_KEY_MISSING", path: "proxy" },
    ]);
    expect(resources).toBe(0);
  });
});
