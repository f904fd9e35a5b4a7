import { describe, expect, test } from "vitest";
import { engineProfiles, type EngineType } from "../../platform/engines/registry.ts";
import { planPlatform } from "../../platform/plan/plan.ts";
import { engineSpec } from "../support/engine-spec.ts";

const types = Object.keys(engineProfiles) as EngineType[];

describe.each(types)("two versions of a model on %s", (type) => {
  test("run side by side with their weights in the routes", () => {
    const versions = [
      { version: 1, weight: 90 },
      { version: 2, weight: 10 },
    ];
    const plan = planPlatform(engineSpec(type, {}, { version: undefined, versions }));
    const [model] = plan.routes.servers.flatMap(({ models }) => models);
    expect(model?.versions.map(({ version, weight }) => [version, weight])).toEqual([
      ["1", 90],
      ["2", 10],
    ]);
    const groups = new Set(model?.versions.flatMap(({ targets }) => targets.map(({ group }) => group)));
    // Models that share servers have both versions on them; others have replicas of their own for each.
    expect(groups.size).toBe(engineProfiles[type].replicasPer === "engine" ? 1 : 2);
    expect(plan.groups.flatMap(({ models }) => models.flatMap((one) => one.versions))).toHaveLength(2);
  });

  test("come beside the first one, which keeps the group that it had alone", () => {
    const alone = planPlatform(engineSpec(type, {}, { version: 1 }));
    const versions = [
      { version: 1, weight: 90 },
      { version: 2, weight: 10 },
    ];
    const both = planPlatform(engineSpec(type, {}, { version: undefined, versions }));
    const [name] = alone.groups.map((group) => group.name);
    expect(both.groups.find((group) => group.name === name)?.models[0]?.versions[0]?.version).toBe("1");
  });
});
