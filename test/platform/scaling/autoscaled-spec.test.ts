import { describe, expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { clusterSpecText } from "../../components/support/cluster-spec.ts";
import { parsed, problemsOf } from "../../support/spec-fixture.ts";

const observed = `addons: { keda: present, prometheusOperator: present }
observability:
  prometheus: http://prometheus-operated.monitoring.svc:9090
  podMonitors: {}
proxy:`;

/** The cluster spec of the component tests, with autoscaling of the chat model. */
function specWith(autoscaling: string, head = observed): string {
  const [before, after, ...rest] = clusterSpecText.split("storage: { dataset: Fraud_Models, path: llm }\n");
  if (after === undefined || rest.length > 0) throw new Error("the cluster spec has another chat engine");
  const text = `${before}storage: { dataset: Fraud_Models, path: llm }\n    autoscaling: ${autoscaling}\n${after}`;
  return text.replace("proxy:", head);
}

describe("a spec with autoscaling", () => {
  test("becomes a plan in which the group is the autoscaler's", () => {
    const { groups } = planPlatform(parsed(specWith("{ signal: request-rate, maxReplicas: 9 }")));
    const scaled = groups.filter(({ engine }) => engine === "chat");
    expect(scaled).toHaveLength(1);
    for (const group of scaled) {
      expect(group.replicasOwner).toBe("keda");
      expect(group.autoscaling).toEqual({
        scaler: "keda",
        signal: "request-rate",
        target: group.maxRequestsPerMinutePerReplica,
        minReplicas: 1,
        maxReplicas: 9,
      });
    }
    for (const group of groups.filter(({ engine }) => engine !== "chat")) {
      expect(group.replicasOwner).toBe("plan");
      expect(group.autoscaling).toBeUndefined();
    }
  });

  test.each([
    [
      "{ maxReplicas: 2, minReplicas: 0 }",
      "SPEC_COMBINATION_UNSUPPORTED",
      "engines[1].autoscaling.minReplicas",
    ],
    ["{ maxReplicas: 2, minReplicas: 3 }", "SPEC_VALUE_CONFLICT", "engines[1].autoscaling.maxReplicas"],
    ["{ minReplicas: 1 }", "SPEC_KEY_MISSING", "engines[1].autoscaling.maxReplicas"],
    ["{ maxReplica: 2, maxReplicas: 2 }", "SPEC_KEY_UNKNOWN", "engines[1].autoscaling.maxReplica"],
  ])("is refused with %s, at its place in the file", (autoscaling, code, path) => {
    const problem = problemsOf(specWith(autoscaling)).find((one) => one.path === path);
    expect(problem?.code).toBe(code);
    expect(problem?.position?.line).toBeGreaterThan(1);
  });

  test("says what it reads and who reads it", () => {
    expect(problemsOf(specWith("{ maxReplicas: 2 }", "proxy:"))).toMatchObject([
      { code: "SPEC_KEY_MISSING", path: "observability.podMonitors" },
      { code: "SPEC_KEY_MISSING", path: "observability.prometheus" },
    ]);
  });
});
