import { describe, expect, test } from "vitest";
import { engineSpec } from "../../../support/engine-spec.ts";
import { recordingOfSpec } from "../../support/stack-recording.ts";

const observability = { prometheus: "http://prometheus.monitoring.svc:9090", podMonitors: {} };
const addons = { prometheusOperator: "present" };
/** Objects that a group has in every pattern, by their names in the cluster. */
const common = /:(?:ServiceAccount|Service|PodDisruptionBudget|NetworkPolicy|PodMonitor)$/;

async function urnsByName(engine: object, model: object = {}, more: object = {}) {
  const { resources } = await recordingOfSpec(
    engineSpec("vllm", engine, model, { addons: { ...addons, ...more }, observability }),
  );
  return new Map(
    resources
      .filter(({ type, name }) => common.test(type) && name.startsWith("served-"))
      .map(({ type, inputs, urn }) => [`${type} ${inputs.metadata.name}`, urn]),
  );
}

describe("a group that moves from one pattern to another", () => {
  test("keeps its common objects as the same resources, so that no deletion takes the new ones away", async () => {
    const standalone = await urnsByName({});
    expect(standalone.size).toBeGreaterThan(5);
    const helm = await urnsByName({ deployment: "helm" });
    const spanning = await urnsByName(
      {},
      { gpusPerReplica: 16, nodesPerReplica: 2 },
      { leaderWorkerSet: "present" },
    );
    for (const other of [helm, spanning]) {
      for (const [name, urn] of standalone) expect(other.get(name), name).toBe(urn);
    }
  });
});
