import { describe, expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { parsed, problemsOf } from "../../support/spec-fixture.ts";

/** A chat model with more load than the H100s there are carry. */
const spec = (split: boolean) => `apiVersion: domino-inference/v1
kind: Platform
metadata: { name: small, stage: local }
catalog: "2026-11"
accelerators: { use: [A100-80G, H100-80G], limits: { H100-80G: 8 } }
engines:
  - name: chat
    type: vllm
    storage: s3://acme-models/llm
    models:
      - name: llama-3-70b
        splitAccelerators: ${split}
        traffic:
          - slo: { ttftP95: 2s, itlMean: 40ms }
            load: { rate: 600/min, inputTokens: 1024, outputTokens: 256 }
`;

describe("a model that may be split over accelerators", () => {
  const plan = planPlatform(parsed(spec(true)));
  const [first, second] = plan.groups;

  test("becomes two groups, the second one named after its accelerator too", () => {
    expect(plan.groups).toHaveLength(2);
    expect(first?.name).toBe("chat-llama-3-70b-free");
    expect(second?.name).toBe(`chat-llama-3-70b-free-${second?.accelerator.toLowerCase()}`);
    expect(new Set(plan.groups.map(({ accelerator }) => accelerator))).toEqual(
      new Set(["A100-80G", "H100-80G"]),
    );
    for (const group of plan.groups) {
      const onNodes = plan.nodePools.flatMap(({ nodes }) => nodes.flatMap(({ replicas }) => replicas));
      const count = onNodes
        .filter(({ group: name }) => name === group.name)
        .reduce((sum, one) => sum + one.count, 0);
      expect(count).toBe(group.replicas);
      expect(group.nodePools.length).toBeGreaterThan(0);
    }
  });

  test("sends each group its share, in proportion to what it carries", () => {
    expect((first?.share ?? 0) + (second?.share ?? 0)).toBeCloseTo(1, 9);
    expect((first?.requestsPerMinute ?? 0) + (second?.requestsPerMinute ?? 0)).toBeCloseTo(600, 6);
    const targets = plan.routes.servers[0]?.models[0]?.versions[0]?.targets ?? [];
    expect(targets.map(({ group, weight }) => [group, weight])).toEqual(
      plan.groups.map(({ name, share }) => [name, share]),
    );
    const carried = (group = first) => (group?.replicas ?? 0) * (group?.maxRequestsPerMinutePerReplica ?? 0);
    expect((first?.share ?? 0) / (second?.share ?? 1)).toBeCloseTo(carried(first) / carried(second), 9);
  });

  test.each([
    ["replicas", "replicas: 3\n        traffic:", "traffic:"],
    ["load.daily", `load: { daily: [${Array(24).fill(1).join(", ")}],`, "load: {"],
  ])("is refused together with %s, which is of one kind of replica", (name, replacement, found) => {
    expect(problemsOf(spec(true).replace(found, replacement))).toMatchObject([
      { code: "SPEC_VALUE_CONFLICT", message: `splitAccelerators does not go together with ${name}` },
    ]);
  });

  test("costs less than on one accelerator, and its cost adds up", () => {
    const whole = planPlatform(parsed(spec(false)));
    expect(whole.groups).toHaveLength(1);
    expect(whole.groups[0]?.share).toBeUndefined();
    expect(plan.totals.usdPerHour).toBeLessThan(whole.totals.usdPerHour);
    expect(plan.groups.reduce((sum, { usdPerHour }) => sum + usdPerHour, 0)).toBeCloseTo(
      plan.totals.usdPerHour,
      6,
    );
  });
});
