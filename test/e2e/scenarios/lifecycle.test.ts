import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
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

/** One stack lives through the tests; each of them leaves it as it was. */
suite("the real engine on the dev platform", [engine.need, clusterNeed()], () => {
  const bed = new PlatformBed(engine.cli);
  /** Everything that operations said, and the state after them. */
  const heard: string[] = [];
  let previewed: Readonly<Record<string, number>>;
  let previewMade: readonly unknown[];
  let created: Readonly<Record<string, number>>;

  beforeAll(async () => {
    await bed.start();
    await bed.openStack();
    previewed = await heardFrom(bed.stack.preview());
    previewMade = [...(await bed.stack.records.list()), ...(await bed.ownObjects())];
    created = await heardFrom(bed.stack.up());
  });

  beforeEach(() => {
    bed.stack.program = devProgram(bed.cluster);
  });

  afterAll(async () => {
    await bed.closeStack();
    await bed.stop();
  });

  async function heardFrom<Result>(operation: Promise<Result>): Promise<Result> {
    try {
      return await operation;
    } finally {
      heard.push(bed.stack.output, bed.stack.events, await bed.stack.stateText());
    }
  }

  test("comes up whole, as it was previewed, and a preview makes nothing", async () => {
    expect(Object.keys(previewed)).toEqual(["create"]);
    expect(previewMade).toEqual([]);
    expect(created).toEqual(previewed);
    expect(await bed.replicas()).toEqual({
      "chat-llama-3-70b-premium": 1,
      "inference-proxy": 1,
      "triton-domino-ondemand-load-inference": 1,
      "triton-domino-pre-load-inference": 1,
    });
    expect(bed.nodes.names.length).toBe(3);
  });

  test("has nothing to change once it is up", async () => {
    const same = { same: created["create"] };
    expect(await bed.stack.preview()).toEqual(same);
    expect(await bed.stack.refresh()).toEqual(same);
    expect(await bed.stack.up()).toEqual(same);
  });

  test("follows a load with replicas and node sizes, and touches nothing else", async () => {
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

    bed.stack.program = devProgram(bed.cluster);
    await bed.stack.up();
    expect((await bed.replicas())["triton-domino-pre-load-inference"]).toBe(1);
    await waitFor(async () => bed.nodes.names.length === 3, { what: "the end of the fourth node" });
  });

  test("adds an engine beside the others and removes it again", async () => {
    const before = await bed.podUids();
    bed.stack.program = devProgram(bed.cluster, thirdTriton);
    await bed.stack.up();
    const added = bed.stack.steps.filter(({ op }) => op === "create").map(({ name }) => name);
    expect(added.length).toBeGreaterThan(5);
    expect(added.filter((name) => !name.startsWith("fraud"))).toEqual([]);
    expect(bed.stack.steps.filter(({ op }) => op !== "create" && op !== "update")).toEqual([]);
    expect((await bed.replicas())["fraud"]).toBe(1);
    // The proxy takes the new routes without a restart, and no engine is touched.
    const between = await bed.podUids();
    expect(before.filter((uid) => !between.includes(uid))).toEqual([]);

    bed.stack.program = devProgram(bed.cluster);
    await bed.stack.up();
    const removed = bed.stack.steps.filter(({ op }) => op === "delete").map(({ name }) => name);
    expect(removed.toSorted()).toEqual(added.toSorted());
    expect(bed.stack.steps.filter(({ op }) => op !== "delete" && op !== "update")).toEqual([]);
    expect(await bed.replicas()).not.toHaveProperty("fraud");
    expect(await bed.stack.preview()).toEqual({ same: created["create"] });
  });

  test("keeps the kubeconfig out of state, output and events", async () => {
    const { users } = JSON.parse(bed.cluster.kubeconfig) as { users: { user: { token: string } }[] };
    const token = users[0]?.user.token ?? "";
    expect(token.length).toBeGreaterThan(20);
    await heardFrom(bed.stack.refresh());
    await bed.stack.failures([
      { type: "kubernetes:core/v1:ResourceQuota", operation: "update", message: "refused" },
    ]);
    bed.stack.program = devProgram(bed.cluster, moreLoad);
    await expect(heardFrom(bed.stack.up())).rejects.toThrow("refused");
    heard.push(
      await bed.stack.command("stack", "export"),
      await bed.stack.command("stack", "output", "--json"),
    );
    bed.stack.program = devProgram(bed.cluster);
    await heardFrom(bed.stack.up());
    expect(heard.filter((text) => text.length === 0)).toEqual([]);
    expect(heard.filter((text) => text.includes(token))).toEqual([]);
  });

  test("goes without a trace", async () => {
    expect(await bed.stack.destroy()).toEqual({ delete: created["create"] });
    expect(await bed.stack.records.list()).toEqual([]);
    expect(await bed.ownObjects()).toEqual([]);
    await waitFor(async () => bed.nodes.names.length === 0, { what: "the end of the nodes" });
  });

  test("renames components without touching what they made", async () => {
    await bed.closeStack();
    await bed.openStack();
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
});
