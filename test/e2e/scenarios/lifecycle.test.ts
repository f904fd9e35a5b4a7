import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { clusterNeed } from "../cluster.ts";
import { waitFor } from "../cluster/waiting.ts";
import { findEngine } from "../providers/engine-fixture.ts";
import { suite } from "../requires.ts";
import { nodeGroup, PlatformBed } from "./platform-bed.ts";
import { devProgram, type SpecChange } from "./platform-stack.ts";
import { programOfComponents } from "./renamed-components.ts";

const engine = await findEngine();

/** Fifty times the load of the most loaded model. */
const moreLoad: SpecChange = ["load: { rate: 600/min }", "load: { rate: 30000/min }"];

/** A third Triton beside the others. */
const thirdTriton: SpecChange = [
  "  - name: chat\n",
  `  - name: fraud
    type: triton
    storage: { dataset: triton-dev-ds, path: models/fraud }
    models:
      - name: DISTILBERT
        base: distilbert-base
        version: 1
        traffic:
          - load: { rate: 6/min }

  - name: chat
`,
];

suite("the real engine on the dev platform", [engine.need, clusterNeed()], () => {
  const bed = new PlatformBed(engine.cli);
  beforeAll(() => bed.start());
  afterAll(() => bed.stop());
  beforeEach(() => bed.openStack());
  afterEach(() => bed.closeStack());

  test(
    "comes up whole, then has nothing to change, then goes without a trace",
    { timeout: 180_000 },
    async () => {
      const previewed = await bed.stack.preview();
      expect(Object.keys(previewed)).toEqual(["create"]);
      expect(await bed.stack.records.list()).toEqual([]);
      expect(await bed.ownObjects()).toEqual([]);

      expect(await bed.stack.up()).toEqual(previewed);
      expect(await bed.replicas()).toEqual({
        "chat-llama-3-70b-premium": 1,
        "inference-proxy": 1,
        "triton-domino-ondemand-load-inference": 1,
        "triton-domino-pre-load-inference": 1,
      });
      expect(bed.nodes.names.length).toBe(3);

      const same = { same: previewed["create"] };
      expect(await bed.stack.preview()).toEqual(same);
      expect(await bed.stack.refresh()).toEqual(same);
      expect(await bed.stack.up()).toEqual(same);

      expect(await bed.stack.destroy()).toEqual({ delete: previewed["create"] });
      expect(await bed.stack.records.list()).toEqual([]);
      expect(await bed.ownObjects()).toEqual([]);
      await waitFor(async () => bed.nodes.names.length === 0, { what: "the end of the nodes" });
    },
  );

  test(
    "follows a load with replicas and node sizes, and touches nothing else",
    { timeout: 180_000 },
    async () => {
      await bed.stack.up();
      const before = await bed.podUids();
      bed.stack.program = devProgram(bed.cluster, moreLoad);
      await bed.stack.up();
      expect(bed.stack.steps.map(({ op, name, changed }) => ({ op, name, changed }))).toEqual(
        expect.arrayContaining([
          {
            op: "update",
            name: "acme-dev-g6-xlarge-nodes",
            changed: ["scalingConfig.desiredSize", "scalingConfig.maxSize", "scalingConfig.minSize"],
          },
          {
            op: "update",
            name: "triton-domino-pre-load-inference-deployment",
            changed: ['metadata.labels["inferno.server.load.rpm"]', "spec.replicas"],
          },
        ]),
      );
      expect(bed.stack.steps.map(({ op, type }) => `${op} ${type}`).toSorted()).toEqual([
        `update ${nodeGroup}`,
        "update kubernetes:apps/v1:Deployment",
        "update kubernetes:core/v1:ResourceQuota",
      ]);
      expect((await bed.replicas())["triton-domino-pre-load-inference"]).toBe(2);
      const after = await bed.podUids();
      expect(before.filter((uid) => !after.includes(uid))).toEqual([]);
      expect(after.length).toBe(before.length + 1);
      expect(bed.nodes.names.length).toBe(4);
    },
  );

  test("adds an engine beside the others and removes it again", { timeout: 240_000 }, async () => {
    const created = await bed.stack.up();
    const before = await bed.podUids();
    bed.stack.program = devProgram(bed.cluster, thirdTriton);
    await bed.stack.up();
    const added = bed.stack.steps.filter(({ op }) => op === "create").map(({ name }) => name);
    expect(added.length).toBeGreaterThan(5);
    expect(added.filter((name) => !name.startsWith("fraud"))).toEqual([]);
    expect(bed.stack.steps.filter(({ op }) => op !== "create" && op !== "update")).toEqual([]);
    expect((await bed.replicas())["fraud"]).toBe(1);
    const between = await bed.podUids();
    const replaced = before.filter((uid) => !between.includes(uid));

    bed.stack.program = devProgram(bed.cluster);
    await bed.stack.up();
    const removed = bed.stack.steps.filter(({ op }) => op === "delete").map(({ name }) => name);
    expect(removed.toSorted()).toEqual(added.toSorted());
    expect(bed.stack.steps.filter(({ op }) => op !== "delete" && op !== "update")).toEqual([]);
    expect(await bed.replicas()).not.toHaveProperty("fraud");
    expect(await bed.stack.preview()).toEqual({ same: created["create"] });
    // Only the proxy may roll: its pods name the version of the routing table.
    expect(replaced.length).toBeLessThanOrEqual(1);
  });

  test("renames components without touching what they made", { timeout: 180_000 }, async () => {
    bed.stack.program = programOfComponents(bed.cluster, "our-");
    const { create } = await bed.stack.up();
    const [records, objects] = [await bed.stack.records.list(), await bed.ownObjects()];
    bed.stack.program = programOfComponents(bed.cluster, "the-", "our-");
    expect(await bed.stack.preview()).toEqual({ same: create });
    expect(await bed.stack.up()).toEqual({ same: create });
    expect(await bed.stack.records.list()).toEqual(records);
    expect(await bed.ownObjects()).toEqual(objects);
    // The aliases have done their work: the state knows the new names.
    bed.stack.program = programOfComponents(bed.cluster, "the-");
    expect(await bed.stack.preview()).toEqual({ same: create });
    // And without them everything would be made anew.
    bed.stack.program = programOfComponents(bed.cluster, "a-");
    expect(Object.keys(await bed.stack.preview()).toSorted()).toEqual(["create", "delete", "same"]);
  });

  test("keeps the kubeconfig out of state, output and events", { timeout: 180_000 }, async () => {
    const { users } = JSON.parse(bed.cluster.kubeconfig) as { users: { user: { token: string } }[] };
    const token = users[0]?.user.token ?? "";
    expect(token.length).toBeGreaterThan(20);
    const heard: string[] = [];
    const listen = async (operation: Promise<unknown>): Promise<void> => {
      await operation.catch(() => undefined);
      heard.push(bed.stack.output, bed.stack.events);
    };
    await listen(bed.stack.preview());
    await listen(bed.stack.up());
    heard.push(await bed.stack.stateText());
    await listen(bed.stack.refresh());
    await bed.stack.failures([
      { type: "kubernetes:core/v1:ResourceQuota", operation: "update", message: "refused" },
    ]);
    bed.stack.program = devProgram(bed.cluster, moreLoad);
    await listen(bed.stack.up());
    heard.push(await bed.stack.stateText());
    heard.push(
      await bed.stack.command("stack", "export"),
      await bed.stack.command("stack", "output", "--json"),
    );
    expect(heard.filter((text) => text.length === 0)).toEqual([]);
    expect(heard.filter((text) => text.includes(token))).toEqual([]);
  });
});
