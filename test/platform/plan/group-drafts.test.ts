import { describe, expect, test } from "vitest";
import { catalogOf } from "../../../optimizer/catalog/registry.ts";
import { groupDrafts } from "../../../platform/plan/group-drafts.ts";
import { parsed, smallSpec, smallSpecWith } from "../../support/spec-fixture.ts";

const catalog = catalogOf("2026-11");
if (!catalog) throw new Error("the catalog is missing");
const hardware = catalog.accelerators.filter(({ name }) => ["L4", "H100-80G"].includes(name));
const draftsOf = (text: string) => groupDrafts(parsed(text), catalog, hardware);
const draftOf = (name: string, text: string) => {
  const draft = draftsOf(text).find((candidate) => candidate.name === name);
  if (!draft) throw new Error(`no draft ${name}`);
  return draft;
};

describe("the servers of a group", () => {
  test("carry load, targets, class and priority as the optimizer takes them", () => {
    const draft = draftOf("tabular", smallSpec);
    const load = (requestsPerMinute: number) => ({ requestsPerMinute, inputTokens: 1, outputTokens: 1 });
    expect(draft.servers).toStrictEqual([
      {
        id: "tabular/bert-base/3/Premium",
        engine: "tabular",
        model: "bert-base",
        version: "3",
        serviceClass: "Premium",
        priority: 1,
        slo: { latencyP95Ms: 50 },
        load: load(600),
      },
      {
        id: "tabular/bert-base/3/Free",
        engine: "tabular",
        model: "bert-base",
        version: "3",
        serviceClass: "Free",
        priority: 100,
        slo: {},
        load: load(60),
      },
    ]);
    expect(draft.demand.workloads).toStrictEqual([
      {
        id: "tabular/bert-base/3/Premium",
        model: "bert-base",
        priority: 1,
        slo: { latencyP95Ms: 50 },
        load: load(600),
        batchKey: "bert-base/3",
      },
      {
        id: "tabular/bert-base/3/Free",
        model: "bert-base",
        priority: 100,
        slo: {},
        load: load(60),
        batchKey: "bert-base/3",
      },
    ]);
  });

  test("carry every target that the spec names, and no other", () => {
    const slo = "ttftMean: 1s, ttftP95: 2s, itlMean: 30ms, itlP95: 40ms, latencyMean: 5s, latencyP95: 6s";
    const [server] = draftOf(
      "chat-llama-3-70b-premium",
      smallSpecWith("ttftP95: 2s, itlMean: 40ms", slo),
    ).servers;
    expect(server?.slo).toStrictEqual({
      ttftMeanMs: 1000,
      ttftP95Ms: 2000,
      itlMeanMs: 30,
      itlP95Ms: 40,
      latencyMeanMs: 5000,
      latencyP95Ms: 6000,
    });
  });

  test("have version 1 where the spec names none, and the priority that the spec gives its own Free", () => {
    expect(draftOf("chat-llama-3-70b-premium", smallSpec).servers[0]?.version).toBe("1");
    const own = smallSpecWith(
      "- { name: Premium, priority: 1 }",
      "- { name: Premium, priority: 1 }\n  - { name: Free, priority: 7 }",
    );
    expect(draftOf("tabular", own).servers[1]?.priority).toBe(7);
    const none = smallSpec
      .replace("serviceClasses:\n  - { name: Premium, priority: 1 }\n", "")
      .replaceAll("serviceClass: Premium, ", "")
      .replace("          - load: { rate: 1/s }\n", "")
      .replace("serviceClass: Premium\n            ", "");
    expect(draftsOf(none).flatMap(({ servers }) => servers.map(({ priority }) => priority))).toStrictEqual([
      100, 100,
    ]);
  });
});

describe("a group", () => {
  test("of an engine whose models share replicas holds all of them, and their profiles", () => {
    const text = smallSpecWith(
      "          - load: { rate: 1/s }",
      "          - load: { rate: 1/s }\n      - { name: distilbert-base, maxBatchSize: 9, traffic: [{ load: { rate: 6/min } }] }\n      - { name: third, base: bert-base, maxBatchSize: 5, traffic: [{ load: { rate: 6/min } }] }",
    );
    const draft = draftOf("tabular", text);
    expect(draft).toMatchObject({
      engine: "tabular",
      engineType: "triton",
      replicasFrom: "optimizer",
      models: [
        {
          name: "bert-base",
          versions: [{ version: "3", weight: 100 }],
          loadSequenceTokens: 2,
          maxSequenceTokens: 1,
        },
        { name: "distilbert-base" },
        { name: "third" },
      ],
    });
    expect(draft.profile.type).toBe("triton");
    expect(draft.demand).toMatchObject({
      id: "tabular",
      minReplicas: 1,
      weightCopies: { "bert-base": 1, "distilbert-base": 1, third: 1 },
      maxBatchSize: 5,
      resources: draft.profile.resources,
    });
    expect(draft.demand).not.toHaveProperty("fixedReplicas");
    expect(new Set(draft.demand.profiles.map(({ model }) => model))).toStrictEqual(
      new Set(["bert-base", "distilbert-base", "third"]),
    );
  });

  test("of a model with replicas of its own holds one class, and of versions side by side one version", () => {
    const text = smallSpecWith(
      "- name: llama-3-70b",
      "- name: llama-3-70b\n        versions: [{ version: 7, weight: 75 }, { version: 8, weight: 25 }]",
    );
    expect(draftsOf(text).map(({ name }) => name)).toStrictEqual([
      "tabular",
      "chat-llama-3-70b-premium",
      "chat-llama-3-70b-premium-v8",
    ]);
    const draft = draftOf("chat-llama-3-70b-premium-v8", text);
    expect(draft.models).toStrictEqual([
      {
        name: "llama-3-70b",
        versions: [{ version: "8", weight: 25 }],
        loadSequenceTokens: 640,
        options: expect.any(Object),
        maxSequenceTokens: 8192,
      },
    ]);
    expect(draft.servers.map(({ id, load }) => [id, load.requestsPerMinute])).toStrictEqual([
      ["chat/llama-3-70b/8/Premium", 15],
    ]);
  });

  test("counts the weights once for each version that shares its replicas", () => {
    const versions = "versions: [{ version: 1, weight: 60 }, { version: 2, weight: 40 }]";
    const draft = draftOf("tabular", smallSpecWith("version: 3", versions));
    expect(draft.models[0]?.versions).toStrictEqual([
      { version: "1", weight: 60 },
      { version: "2", weight: 40 },
    ]);
    expect(draft.demand.weightCopies).toStrictEqual({ "bert-base": 2 });
  });

  test("keeps what its estimate ruled out, for the explanation", () => {
    expect(
      draftOf("chat-llama-3-70b-premium", smallSpec).demand.excluded.map(({ constraint }) => constraint),
    ).toContain("memory");
  });

  test("is estimated for the sequences of its own load, not of another class or version", () => {
    const traffic = (...loads: [number, number][]) =>
      smallSpec.replace(
        /type: vllm[^]*$/,
        `type: vllm
    storage: s3://acme-models/llm
    models:
      - name: llama-3-70b
        versions: [{ version: 1, weight: 50 }, { version: 2, weight: 50 }]
        traffic:
${loads.map(([input, output], index) => `          - { serviceClass: ${["Premium", "Free"][index]}, load: { rate: 1/min, inputTokens: ${input}, outputTokens: ${output} } }`).join("\n")}
`,
      );
    const draft = draftOf("chat-llama-3-70b-free", traffic([100, 300], [200, 50]));
    expect(draft.models[0]?.loadSequenceTokens).toBe(250);
  });
});

describe("a group's replicas", () => {
  const ofChat = (text: string) => draftOf("chat-llama-3-70b-premium", text);
  const ofTabular = (text: string) => draftOf("tabular", text);

  test("are the spec's where it writes them, for the engine or the model", () => {
    expect(ofTabular(smallSpecWith("type: triton", "type: triton\n    replicas: 4"))).toMatchObject({
      replicasFrom: "spec",
      demand: { fixedReplicas: 4 },
    });
    expect(
      ofChat(smallSpecWith("- name: llama-3-70b", "- name: llama-3-70b\n        replicas: 3")),
    ).toMatchObject({
      replicasFrom: "spec",
      demand: { fixedReplicas: 3 },
    });
    expect(ofChat(smallSpec).replicasFrom).toBe("optimizer");
  });

  test("are the engine's alone where models share them, whatever a model says", () => {
    const spec = parsed(smallSpec);
    const engines = spec.engines.map((engine) => ({
      ...engine,
      models: engine.models.map((model) => ({ ...model, replicas: 9 })),
    }));
    const drafts = groupDrafts({ ...spec, engines }, catalog, hardware);
    expect(drafts.map(({ engine, demand }) => [engine, demand.fixedReplicas])).toStrictEqual([
      ["tabular", undefined],
      ["chat", 9],
    ]);
  });

  test("are one where models are loaded on demand", () => {
    expect(ofTabular(smallSpecWith("type: triton", "type: triton\n    loading: on-demand"))).toMatchObject({
      replicasFrom: "spec",
      demand: { fixedReplicas: 1 },
    });
    expect(ofTabular(smallSpecWith("type: triton", "type: triton\n    loading: preload")).replicasFrom).toBe(
      "optimizer",
    );
  });

  test("have the batch of the model, where it is written", () => {
    expect(ofChat(smallSpec).demand).not.toHaveProperty("maxBatchSize");
    expect(
      ofChat(smallSpecWith("- name: llama-3-70b", "- name: llama-3-70b\n        maxBatchSize: 3")).demand
        .maxBatchSize,
    ).toBe(3);
  });
});
