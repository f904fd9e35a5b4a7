import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { clusterNeed } from "../cluster.ts";
import { waitFor } from "../cluster/waiting.ts";
import { findEngine } from "../providers/engine-fixture.ts";
import { countStrikes } from "../providers/planned-failures.ts";
import { suite } from "../requires.ts";
import { engineProcesses } from "./engine-process.ts";
import { devNamespace as namespace, nodeGroup, PlatformBed } from "./platform-bed.ts";

const engine = await findEngine();

suite("the real engine on a dev platform to which something happens", [engine.need, clusterNeed()], () => {
  const bed = new PlatformBed(engine.cli);
  beforeAll(() => bed.start());
  afterAll(() => bed.stop());
  beforeEach(() => bed.openStack());
  afterEach(() => bed.closeStack());

  test("goes on where providers failed half-way", { timeout: 180_000 }, async () => {
    const planned = await bed.stack.preview();
    await bed.stack.failures([
      { type: nodeGroup, operation: "create", message: "InsufficientInstanceCapacity: no g6.xlarge" },
    ]);
    expect(await bed.stack.failure(bed.stack.up())).toContain("InsufficientInstanceCapacity");
    await bed.stack.failures([
      {
        type: "kubernetes:apps/v1:Deployment",
        name: "inference-proxy-deployment",
        operation: "create",
        message: "the API server was gone for a moment",
      },
    ]);
    expect(await bed.stack.failure(bed.stack.up())).toContain("the API server was gone for a moment");
    const { create = 0, same = 0 } = await bed.stack.up();
    expect(same).toBeGreaterThan(10);
    expect(create + same).toBe(planned["create"]);
    expect(await bed.namesOf(nodeGroup)).toEqual(["acme-dev-g6-xlarge-nodes", "acme-dev-g6e-12xlarge-nodes"]);
    expect(await bed.stack.preview()).toEqual({ same: planned["create"] });
  });

  /**
   * Waits until the engine has written its state and waits itself. A state in a file is written in place: killed in that
   * moment, the engine leaves half a file and the one before it beside, which is not what these tests are about.
   */
  async function stateAtRest(): Promise<void> {
    let before: string | undefined;
    await waitFor(
      async () => {
        const [earlier, now] = [before, await bed.stack.stateText()];
        before = now;
        await setTimeout(1000);
        return now === earlier;
      },
      { what: "a state at rest" },
    );
  }

  /** Kills the engine while it waits for an answer that will never come. */
  async function upUntilKilled(): Promise<void> {
    const strikes = await countStrikes(bed.stack.cloud);
    const interrupted = bed.stack.up().then(
      () => "ended",
      () => "failed",
    );
    await waitFor(async () => (await countStrikes(bed.stack.cloud)) > strikes, {
      what: "the hanging operation",
    });
    await stateAtRest();
    const running = engineProcesses();
    expect(running.length).toBe(1);
    for (const pid of running) process.kill(pid, "SIGKILL");
    expect(await interrupted).toBe("failed");
    // The lock is the dead process's: nobody but a person can know that.
    expect(await bed.stack.failure(bed.stack.up())).toContain("the stack is currently locked");
    await bed.stack.cancel();
  }

  test(
    "is finished after the engine was killed before a node group was made",
    { timeout: 240_000 },
    async () => {
      const planned = await bed.stack.preview();
      await bed.stack.failures([{ type: nodeGroup, operation: "create", hang: true }]);
      await upUntilKilled();
      await bed.stack.refresh(true);
      await bed.stack.up();
      expect(await bed.namesOf(nodeGroup)).toEqual([
        "acme-dev-g6-xlarge-nodes",
        "acme-dev-g6e-12xlarge-nodes",
      ]);
      expect(await bed.stack.preview()).toEqual({ same: planned["create"] });
    },
  );

  test("takes over what was made while the engine was killed", { timeout: 240_000 }, async () => {
    const planned = await bed.stack.preview();
    await bed.stack.failures([{ type: nodeGroup, operation: "create", hang: true, after: true }]);
    await upUntilKilled();
    const state = await bed.stack.exportState();
    const [pending, ...others] = state.pending_operations ?? [];
    expect(pending).toMatchObject({ type: "creating", resource: { type: nodeGroup } });
    expect(others).toEqual([]);
    // Only a person can know that the cloud has done it: the id is theirs to find.
    const resource = pending?.resource;
    const made = (await bed.stack.records.list(nodeGroup)).find((group) =>
      resource?.urn.endsWith(`::${group.resource}`),
    );
    await bed.stack.importState({
      ...state,
      resources: [...state.resources, { ...resource, id: made?.id }],
      pending_operations: [],
    });
    await bed.stack.refresh();
    await bed.stack.up();
    expect(await bed.namesOf(nodeGroup)).toEqual(["acme-dev-g6-xlarge-nodes", "acme-dev-g6e-12xlarge-nodes"]);
    expect(await bed.stack.preview()).toEqual({ same: planned["create"] });
  });

  test("sees what was changed by hand, and takes back what it may", { timeout: 180_000 }, async () => {
    await bed.stack.up();
    const deniedByDefault = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "default-deny", namespace },
    };
    const preLoad = { name: "triton-domino-pre-load-inference", namespace };
    const budget = { apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata: preLoad };
    await bed.cluster.api.remove(deniedByDefault);
    await bed.cluster.api.merge(budget, { spec: { unhealthyPodEvictionPolicy: null } });
    const [rolePolicy] = await bed.stack.records.list("aws:iam/rolePolicy:RolePolicy");
    if (rolePolicy === undefined) throw new Error("there is no role policy");
    await bed.stack.records.put({
      ...rolePolicy,
      properties: { ...rolePolicy.properties, policy: '{"Version":"2012-10-17","Statement":[]}' },
    });

    expect(await bed.stack.refresh()).toMatchObject({ delete: 1, update: 2 });
    expect(await bed.stack.preview()).toMatchObject({ create: 1, update: 2 });
    const repaired = [
      "create domino-inference-dev-default-deny",
      `update ${rolePolicy.resource}`,
      "update triton-domino-pre-load-inference-budget",
    ];
    expect(bed.stack.steps.map(({ op, name }) => `${op} ${name}`).toSorted()).toEqual(repaired.toSorted());
    await bed.stack.up();
    expect(await bed.cluster.api.read(deniedByDefault)).toBeDefined();
    expect(Object.keys(await bed.stack.refresh())).toEqual(["same"]);

    // Who sets another value by hand owns the field: an operator's decision in an incident is not undone in silence.
    const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: preLoad };
    const live = await bed.cluster.api.read(deployment);
    const seconds: number = live?.["spec"].template.spec.terminationGracePeriodSeconds;
    const graceOf = (value: number) => ({
      spec: { template: { spec: { terminationGracePeriodSeconds: value } } },
    });
    await bed.cluster.api.merge(deployment, graceOf(seconds + 60));
    expect(await bed.stack.refresh()).toMatchObject({ update: 1 });
    expect(await bed.stack.failure(bed.stack.preview())).toMatch(/conflict.*terminationGracePeriodSeconds/);
    await bed.cluster.api.merge(deployment, graceOf(seconds));
    await bed.stack.refresh();
    expect(Object.keys(await bed.stack.preview())).toEqual(["same"]);
  });
});
