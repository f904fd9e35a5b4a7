import { expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { routesAt, routesOf } from "../../../platform/routes/routes-of.ts";
import { loadSpec } from "../../../platform/spec/load.ts";
import { parsed, smallSpecWith } from "../../support/spec-fixture.ts";

const load = "load: { rate: 6/min, inputTokens: 512, outputTokens: 128 }";
/** Two engines, written in the reverse of the table's order: versions, classes and models all have to be sorted. */
const specText = `apiVersion: domino-inference/v1
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
`;
const spec = () => parsed(specText);
const routed = () => planPlatform(spec());

test("routes are sorted by engine, model, version and group, whatever the order of the spec", () => {
  const target = (group: string, serviceClass: string) => ({
    group,
    serviceClasses: [serviceClass],
    endpoints: [`http://${group}.llm.svc.cluster.local:8000`],
    discovery: "endpoint-slices",
    healthPath: "/health",
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
        discovery: "endpoint-slices",
        grpcPort: 8001,
        healthPath: "/v2/health/ready",
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
  expect(routesOf(shuffled, spec())).toEqual(plan.routes);
});

test("an engine without a placed group is left out, and its class stays known", () => {
  const plan = routed();
  const groups = plan.groups.filter(({ engine }) => engine !== "tabular");
  const routes = routesOf({ ...plan, groups }, spec());
  expect(routes.servers.map(({ name }) => name)).toEqual(["chat"]);
  expect(routes.serviceClasses).toEqual(["Premium", "Batch", "Free"]);
});

test("on this machine the same routes lead to emulated replicas, which are addresses and speak no gRPC", () => {
  const { routes } = routed();
  const at = routesAt(routes, (group) => [`http://127.0.0.1/${group}/0`, "http://127.0.0.1/1"]);
  expect(at.servers[1]?.models[0]?.versions[0]?.targets[0]).toEqual({
    group: "tabular",
    serviceClasses: ["Free"],
    endpoints: ["http://127.0.0.1/tabular/0", "http://127.0.0.1/1"],
    healthPath: "/v2/health/ready",
    timeoutMs: 60_000,
  });
  expect(routesAt(at, () => [])).toEqual(routesAt(routes, () => []));
  expect({ ...at, servers: [] }).toEqual({ ...routes, servers: [] });
});

test("says what the spec says of the proxy, in the proxy's units", () => {
  const said = parsed(
    smallSpecWith(
      "        version: 3\n",
      `        versions: [{ version: 3, weight: 90 }, { version: 4, weight: 10 }]
        proxy:
          aliases: { stable: 3, next: 4 }
          sticky: { header: x-user }
          affinity: { header: x-session-id }
          concurrency: { running: 8, queued: 100 }
          rate: { requests: 10/s }
          stateful: true
`,
    )
      .replace(
        "    storage: { dataset: models, path: models/pre-load }\n",
        "    storage: { dataset: models, path: models/pre-load }\n    dataPlane: west\n",
      )
      .replace(
        "      - name: llama-3-70b\n",
        "      - name: llama-3-70b\n        proxy: { affinity: prefix, rate: { tokens: 100000/min } }\n",
      ),
  );
  const { servers } = planPlatform(said).routes;
  const [chat, tabular] = servers;
  expect(tabular).toMatchObject({ name: "tabular", dataPlane: "west" });
  const { name, versions, ...policies } = tabular?.models[0] ?? {};
  expect([name, versions?.length]).toEqual(["bert-base", 2]);
  expect(policies).toEqual({
    aliases: { next: "4", stable: "3" },
    sticky: { by: "header", header: "x-user" },
    affinity: { by: "session", header: "x-session-id" },
    concurrency: { running: 8, queued: 100 },
    rate: { requestsPerMinute: 600 },
    stateful: true,
  });
  expect(chat?.models[0]).toMatchObject({ affinity: { by: "prefix" }, rate: { tokensPerMinute: 100_000 } });
});

test("says who may ask, what stays loaded and what one caller, or one key of it, may ask for", () => {
  const text = specText
    .replace(
      'proxy: { image: "proxy:1" }',
      'proxy: { image: "proxy:1", callerRate: { requests: 1/s, tokens: 2/s }, keyRate: { requests: 30/min } }',
    )
    .replace("loading: on-demand\n", "loading: on-demand\n    unloading: { idle: 5min, maxLoaded: 2 }\n")
    .replace("name: zeta,", "name: zeta, proxy: { pinned: true, allow: { users: [jane], roles: [risk] } },");
  const { callerRate, keyRate, servers } = planPlatform(parsed(text)).routes;
  expect(callerRate).toEqual({ requestsPerMinute: 60, tokensPerMinute: 120 });
  expect(keyRate).toEqual({ requestsPerMinute: 30 });
  const tabular = servers[1];
  expect(tabular?.unloading).toEqual({ idleSeconds: 300, maxLoaded: 2 });
  expect(tabular?.models[1]).toMatchObject({ pinned: true, allow: { users: ["jane"], roles: ["risk"] } });
  expect(Object.keys(tabular?.models[0] ?? {})).toEqual(["name", "versions"]);
});

test("leads to a model by the names of its adapters and aliases too, with the same versions, targets and limits", async () => {
  const plan = planPlatform(await loadSpec("examples/vllm-lora.yaml"));
  const [group] = plan.groups;
  const [model] = group?.models ?? [];
  const names = [model?.name, ...(model?.otherNames ?? [])];
  expect(names.length).toBeGreaterThan(1);
  const [server] = plan.routes.servers;
  expect(server?.models.map(({ name }) => name)).toEqual(names.toSorted());
  for (const { name: _, ...model } of server?.models ?? []) expect(server?.models[0]).toMatchObject(model);
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
