import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { planPlatform } from "../../platform/plan/plan.ts";
import type { PlatformPlan } from "../../platform/plan/platform-plan.ts";
import { loadSpec } from "../../platform/spec/load.ts";
import { previewOffline } from "../../services/automation/offline-preview.ts";
import { startEmulatedGroup } from "../../services/emulator/emulator.ts";

const folder = mkdtempSync(join(tmpdir(), "one-value-"));
afterAll(() => rmSync(folder, { recursive: true }));
const prod = readFileSync("stacks/prod.yaml", "utf8");

interface Deployment {
  readonly name: string;
  readonly replicas: number;
  readonly args: readonly string[];
}

/** Everything that follows from one spec: the plan, the manifests, the mounted routing table, the emulated engines. */
async function everythingOf(name: string, text: string) {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, text);
  const plan = planPlatform(await loadSpec(file));
  const preview = await previewOffline({ specFile: file, stack: "prod" });
  const inputsOf = (type: string) =>
    preview.resources.filter((resource) => resource.type === type).map(({ inputs }) => inputs);
  const deployments = inputsOf("kubernetes:apps/v1:Deployment").map((inputs): Deployment => {
    const { metadata, spec } = inputs as {
      metadata: { name: string };
      spec: {
        replicas: number;
        template: { spec: { containers: { command?: string[]; args?: string[] }[] } };
      };
    };
    const [container] = spec.template.spec.containers;
    return {
      name: metadata.name,
      replicas: spec.replicas,
      args: [...(container?.command ?? []), ...(container?.args ?? [])],
    };
  });
  const nodes = inputsOf("aws:eks/nodeGroup:NodeGroup").map(
    (inputs) => (inputs as { scalingConfig: { minSize: number } }).scalingConfig.minSize,
  );
  const routes = inputsOf("kubernetes:core/v1:ConfigMap")
    .map((inputs) => (inputs as { data: Record<string, string> }).data["routes.json"])
    .find((text) => text !== undefined);
  return {
    plan,
    deployments,
    nodes,
    mountedRoutes: JSON.parse(routes ?? "") as unknown,
  };
}

/** Starts the emulated engine of a group and asks it, as a client would, what it serves. */
async function emulated(plan: PlatformPlan, group: string): Promise<{ replicas: number; serves: unknown }> {
  const planned = plan.groups.find((candidate) => candidate.name === group);
  const engine = plan.engines.find((candidate) => candidate.name === planned?.engine);
  if (!planned || !engine) throw new Error(`no group ${group}`);
  const running = await startEmulatedGroup({
    group: planned,
    protocol: engine.protocol,
    loading: engine.loading,
  });
  try {
    const [base = ""] = running.endpoints;
    const serves =
      engine.protocol === "openai"
        ? await get(`${base}/v1/models`, (body) =>
            (body as { data: { id: string }[] }).data.map(({ id }) => id),
          )
        : await get(`${base}/v2/models/BERT-BASED`, (body) => (body as { versions: string[] }).versions);
    return { replicas: running.endpoints.length, serves };
  } finally {
    await running.close();
  }
}

async function get<T>(url: string, read: (body: unknown) => T): Promise<T> {
  return read(await (await fetch(url)).json());
}

describe("changing one value of the spec changes plan, manifests, routing table and emulated engines together", () => {
  const chat = "chat-llama-3-70b-premium";

  test("a rate", async () => {
    const before = await everythingOf("rate-before", prod);
    const after = await everythingOf("rate-after", prod.replace("rate: 300/min", "rate: 900/min"));
    const replicasOf = (all: typeof before) => ({
      planned: all.plan.groups.find((group) => group.name === chat)?.replicas ?? 0,
      deployed: all.deployments.find((deployment) => deployment.name === chat)?.replicas,
    });
    expect(replicasOf(after).planned).toBeGreaterThan(replicasOf(before).planned);
    for (const all of [before, after]) {
      const { planned, deployed } = replicasOf(all);
      expect(deployed).toBe(planned);
      expect(await emulated(all.plan, chat)).toEqual({ replicas: planned, serves: ["llama-3-70b"] });
      expect(all.nodes).toEqual(all.plan.nodePools.map((pool) => pool.minNodes));
      expect(all.mountedRoutes).toEqual(all.plan.routes);
    }
    expect(after.plan.totals.nodes).toBeGreaterThan(before.plan.totals.nodes);
    // The other engines stay as they are.
    const others = (all: typeof before) => all.deployments.filter((deployment) => deployment.name !== chat);
    expect(others(after)).toEqual(others(before));
  });

  test("a model", async () => {
    const before = await everythingOf("model-before", prod);
    const after = await everythingOf(
      "model-after",
      prod.replace("- name: llama-3-70b", "- name: llama-3-8b"),
    );
    const renamed = "chat-llama-3-8b-premium";
    expect(before.deployments.map(({ name }) => name)).toContain(chat);
    expect(after.deployments.map(({ name }) => name)).toContain(renamed);
    expect(after.deployments.map(({ name }) => name)).not.toContain(chat);
    expect(after.deployments.find(({ name }) => name === renamed)?.args).toContain("llama-3-8b");
    expect(after.mountedRoutes).toEqual(after.plan.routes);
    expect(JSON.stringify(after.mountedRoutes)).toContain(
      `http://${renamed}.domino-inference-prod.svc.cluster.local:8000`,
    );
    expect(await emulated(after.plan, renamed)).toEqual({
      replicas: after.deployments.find(({ name }) => name === renamed)?.replicas,
      serves: ["llama-3-8b"],
    });
    expect(after.plan.totals.usdPerHour).toBeLessThan(before.plan.totals.usdPerHour);
  });

  test("a version's weight", async () => {
    const weightsOf = (routes: unknown) =>
      (routes as PlatformPlan["routes"]).servers
        .flatMap((server) => server.models)
        .flatMap((model) => model.versions.map(({ version, weight }) => [model.name, version, weight]))
        .filter(([name, , weight]) => name === "BERT-BASED" && weight !== 100);
    const before = await everythingOf("weight-before", prod);
    const after = await everythingOf(
      "weight-after",
      prod
        .replace("version: 1, weight: 90", "version: 1, weight: 50")
        .replace("version: 2, weight: 10", "version: 2, weight: 50"),
    );
    expect(weightsOf(before.mountedRoutes)).toEqual([
      ["BERT-BASED", "1", 90],
      ["BERT-BASED", "2", 10],
    ]);
    expect(weightsOf(after.mountedRoutes)).toEqual([
      ["BERT-BASED", "1", 50],
      ["BERT-BASED", "2", 50],
    ]);
    expect(weightsOf(after.plan.routes)).toEqual(weightsOf(after.mountedRoutes));
    const load = (all: typeof before, version: string) =>
      all.plan.servers.find(
        ({ id }) => id === `triton-domino-pre-load-inference/BERT-BASED/${version}/Premium`,
      )?.load.requestsPerMinute;
    expect([load(before, "2"), load(after, "2")]).toEqual([1200, 6000]);
    const tabular = "triton-domino-pre-load-inference";
    expect((await emulated(after.plan, tabular)).serves).toEqual(["1", "2"]);
  });

  test("a version itself", async () => {
    const after = await everythingOf(
      "version-after",
      prod.replace("version: 2, weight: 10", "version: 3, weight: 10"),
    );
    expect(JSON.stringify(after.mountedRoutes)).toContain('"version":"3"');
    expect((await emulated(after.plan, "triton-domino-pre-load-inference")).serves).toEqual(["1", "3"]);
  });
});
