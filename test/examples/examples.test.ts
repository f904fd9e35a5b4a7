import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadSpec } from "../../platform/spec/load.ts";
import { planPlatform } from "../../platform/plan/plan.ts";
import { previewOffline } from "../../services/automation/offline-preview.ts";
import { recordingOfSpec } from "../components/support/stack-recording.ts";
import { golden, recorded } from "../support/golden.ts";

const examples = readdirSync("examples").filter((file) => file.endsWith(".yaml"));

describe.each(examples)("examples/%s", (file) => {
  const path = `examples/${file}`;

  test("is loaded and placed whole, within its budget", async () => {
    const plan = planPlatform(await loadSpec(path));
    expect(plan.unplaced).toEqual([]);
    expect(plan.totals.serversPlaced).toBeGreaterThan(0);
    expect(plan.totals.usdPerHour).toBeLessThanOrEqual(plan.budgetUsdPerHour ?? Number.POSITIVE_INFINITY);
  });

  test("breaks no policy", async () => {
    const { policies } = await previewOffline({ specFile: path });
    expect(policies.flatMap(({ violations }) => violations)).toEqual([]);
  });

  test("makes exactly the recorded resources", async () => {
    const { resources } = await recordingOfSpec(await loadSpec(path));
    const rendered = golden(resources);
    expect(rendered).toBe(recorded(`test/golden/examples/${file}`, rendered));
  });
});
