import { expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { routesOf, serviceEndpoints } from "../../../platform/routes/routes-of.ts";
import { loadSpec } from "../../../platform/spec/load.ts";
import { parsed } from "../../support/spec-fixture.ts";

const load = "load: { rate: 6/min, inputTokens: 512, outputTokens: 128 }";
/** Two engines, written in the reverse of the table's order: versions, classes and models all have to be sorted. */
const routed = () =>
  planPlatform(
    parsed(`apiVersion: domino-inference/v1
kind: Platform
metadata: { name: routed, stage: dev }
catalog: "2026-11"
cluster:
  existing:
    name: bank
    region: eu-central-1
    accountId: "210987654321"
    oidcIssuer: oidc.eks.eu-central-1.amazonaws.com/id/FEDCBA
    nodeSecurityGroup: sg-0123456789
    privateSubnets: [{ id: subnet-0123456781, cidr: 10.1.0.0/19 }]
    kmsKeyArn: arn:aws:kms:eu-central-1:210987654321:key/1
    efs: { fileSystemId: fs-0123456789 }
proxy: { image: "proxy:1" }
serviceClasses: [{ name: Batch, priority: 50 }, { name: Premium, priority: 1 }]
domino: { datasets: [{ name: models, owner: o, project: p }] }
engines:
  - name: tabular
    type: triton
    loading: on-demand
    storage: { dataset: models, path: m }
    models:
      - { name: zeta, base: bert-base, version: 3, traffic: [{ load: { rate: 6/min } }] }
      - { name: alpha, base: bert-base, traffic: [{ load: { rate: 6/min } }] }
  - name: chat
    type: vllm
    namespace: llm
    storage: s3://acme-models/llm
    models:
      - name: llama-3-8b
        versions: [{ version: 2, weight: 30 }, { version: 1, weight: 70 }]
        traffic:
          - { serviceClass: Premium, ${load} }
          - { serviceClass: Batch, ${load} }
`),
  );

test("routes are sorted by engine, model, version and group, whatever the order of the spec", () => {
  const target = (group: string, serviceClass: string) => ({
    group,
    serviceClasses: [serviceClass],
    endpoints: [`http://${group}.llm.svc.cluster.local:8000`],
    timeoutMs: 300_000,
  });
  const tabular = (version: string) => ({
    version,
    weight: 100,
    targets: [
      {
        group: "tabular",
        serviceClasses: ["Free"],
        endpoints: ["http://tabular.domino-inference-dev.svc.cluster.local:8000"],
        timeoutMs: 60_000,
      },
    ],
  });
  expect(routed().routes).toEqual({
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    serviceClasses: ["Premium", "Batch", "Free"],
    servers: [
      {
        name: "chat",
        type: "vllm",
        protocol: "openai",
        loading: "preload",
        models: [
          {
            name: "llama-3-8b",
            versions: [
              {
                version: "1",
                weight: 70,
                targets: [
                  target("chat-llama-3-8b-batch-v1", "Batch"),
                  target("chat-llama-3-8b-premium-v1", "Premium"),
                ],
              },
              {
                version: "2",
                weight: 30,
                targets: [
                  target("chat-llama-3-8b-batch", "Batch"),
                  target("chat-llama-3-8b-premium", "Premium"),
                ],
              },
            ],
          },
        ],
      },
      {
        name: "tabular",
        type: "triton",
        protocol: "open-inference-v2",
        loading: "on-demand",
        models: [
          { name: "alpha", versions: [tabular("1")] },
          { name: "zeta", versions: [tabular("3")] },
        ],
      },
    ],
  });
});

test("routes come out the same from groups and engines in any order", () => {
  const plan = routed();
  const shuffled = {
    engines: plan.engines.toReversed(),
    groups: plan.groups.toReversed(),
    servers: plan.servers.toReversed(),
  };
  expect(routesOf(shuffled, serviceEndpoints)).toEqual(plan.routes);
});

test("an engine without a placed group is left out, and its class stays known", () => {
  const plan = routed();
  const groups = plan.groups.filter(({ engine }) => engine !== "tabular");
  const routes = routesOf({ ...plan, groups }, serviceEndpoints);
  expect(routes.servers.map(({ name }) => name)).toEqual(["chat"]);
  expect(routes.serviceClasses).toEqual(["Premium", "Batch", "Free"]);
});

test("endpoints are the caller's: one address for each emulated replica, say", () => {
  const routes = routesOf(routed(), (group) => [`http://127.0.0.1/${group.name}/0`, "http://127.0.0.1/1"]);
  expect(routes.servers[1]?.models[0]?.versions[0]?.targets[0]?.endpoints).toEqual([
    "http://127.0.0.1/tabular/0",
    "http://127.0.0.1/1",
  ]);
});

test("leads to a model by the names of its adapters and aliases too, with the same versions and targets", async () => {
  const plan = planPlatform(await loadSpec("examples/vllm-lora.yaml"));
  const [group] = plan.groups;
  const [model] = group?.models ?? [];
  const names = [model?.name, ...(model?.otherNames ?? [])];
  expect(names.length).toBeGreaterThan(1);
  const [server] = plan.routes.servers;
  expect(server?.models.map(({ name }) => name)).toEqual(names.toSorted());
  for (const { versions } of server?.models ?? []) expect(versions).toEqual(server?.models[0]?.versions);
});

test("leads to both pools of a disaggregated model through the Service of its frontends", async () => {
  const plan = planPlatform(await loadSpec("examples/dynamo-disaggregated.yaml"));
  const roles = plan.groups.map(({ role }) => role).toSorted();
  expect(roles).toEqual(["decode", "prefill"]);
  const targets = plan.routes.servers.flatMap(({ models }) =>
    models.flatMap(({ versions }) => versions.flatMap((version) => version.targets)),
  );
  expect(targets).toHaveLength(1);
  expect(targets[0]?.endpoints).toEqual([expect.stringMatching(/^http:\/\/[a-z0-9-]+-frontend\..*:8000$/)]);
});
