import fc from "fast-check";
import { expect, test } from "vitest";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { planPlatform } from "../../platform/plan/plan.ts";
import type { PlatformPlan } from "../../platform/plan/platform-plan.ts";
import { parseSpec } from "../../platform/spec/load.ts";
import type { PlatformSpec } from "../../platform/spec/schema.ts";
import { Reachability, podsOf } from "../components/support/reachability.ts";
import { only, type RecordedResource } from "../components/support/resources-of.ts";
import { recordingOfSpec } from "../components/support/stack-recording.ts";
import { present } from "../components/support/present.ts";

const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,18}[a-z0-9]$/);
const registered = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
/** Cut from one text at its dashes: joined with a dash, different pairs of these become that text again. */
const head = fc.constantFrom("a", "a-b");
const tail = fc.constantFrom("b-c", "c");
const rate = fc.integer({ min: 1, max: 900 });

const model = fc.record({
  name: registered,
  generationBase: fc.constantFrom(
    "llama-3-8b",
    "llama-3.1-8b",
    "llama-3-70b",
    "llama-3.1-70b",
    "mistral-7b",
    "qwen3-32b",
  ),
  requestBase: fc.constantFrom("bert-base", "distilbert-base"),
  classes: fc.subarray(["Premium", "Batch", undefined], { minLength: 1, maxLength: 2 }),
  rate,
  slo: fc.boolean(),
  firstWeight: fc.option(fc.integer({ min: 1, max: 99 }), { nil: undefined }),
});

const engine = fc.record({
  name: fc.oneof(label, head, tail),
  type: fc.constantFrom("triton", "vllm"),
  namespace: fc.option(fc.oneof(label, { weight: 5, arbitrary: head }), { nil: undefined }),
  models: fc.uniqueArray(model, { minLength: 1, maxLength: 2, selector: ({ name }) => name }),
  fromS3: fc.boolean(),
  /** Which of the datasets, counted around. */
  dataset: fc.nat({ max: 2 }),
});

const cards = ["L4", "L40S", "A100-80G", "H100-80G"];
const platform = fc.record({
  name: fc.oneof(label, head, tail),
  stage: fc.constantFrom("dev", "test", "prod"),
  datasets: fc.uniqueArray(fc.oneof(registered, { weight: 5, arbitrary: tail }), {
    minLength: 1,
    maxLength: 3,
  }),
  user: fc.stringMatching(/^[a-z0-9][A-Za-z0-9._-]{0,40}$/),
  engines: fc.uniqueArray(engine, { minLength: 1, maxLength: 4, selector: ({ name }) => name }),
  use: fc.subarray(cards, { minLength: 1 }),
  limits: fc.option(
    fc.record(Object.fromEntries(cards.map((name) => [name, fc.nat({ max: 6 })])), { requiredKeys: [] }),
    { nil: undefined },
  ),
  custom: fc.option(
    fc.record({ gpus: fc.constantFrom(1, 2, 4, 8), price: fc.integer({ min: 1, max: 60 }) }),
    {
      nil: undefined,
    },
  ),
});

type Generated = typeof platform extends fc.Arbitrary<infer T> ? T : never;

const resourceId = (index: number) => `5d0c1d3e-1111-4222-8333-44445555666${index}`;

/** The spec of generated values, or nothing where they contradict each other (two names that become one, say). */
function specOf(generated: Generated): PlatformSpec | undefined {
  const { name, stage, datasets, user, engines, use, limits, custom } = generated;
  const document = {
    apiVersion: "domino-inference/v1",
    kind: "Platform",
    metadata: { name, stage },
    catalog: "2026-11",
    cluster: {
      existing: {
        name: "generated",
        region: "us-west-2",
        accountId: "123456789012",
        oidcIssuer: "oidc.eks.us-west-2.amazonaws.com/id/ABC",
        nodeSecurityGroup: "sg-0123456789",
        privateSubnets: [{ id: "subnet-0123456789", cidr: "10.0.0.0/19" }],
        kmsKeyArn: "arn:aws:kms:us-west-2:123456789012:key/1",
        efs: { fileSystemId: "fs-0123456789" },
      },
    },
    accelerators: {
      use: custom === undefined ? use : [...use, "X1-96G"],
      ...(limits === undefined ? {} : { limits }),
      ...(custom === undefined
        ? {}
        : {
            custom: [
              {
                name: "X1-96G",
                memory: "96Gi",
                memoryBandwidth: "3000 GB/s",
                dense16BitTflops: 500,
                source: "generated",
                instanceTypes: [
                  {
                    name: "x1.metal",
                    gpus: custom.gpus,
                    vcpus: 16 * custom.gpus,
                    memory: `${192 * custom.gpus}Gi`,
                    price: `${custom.price * custom.gpus} USD/h`,
                  },
                ],
              },
            ],
          }),
    },
    serviceClasses: [
      { name: "Premium", priority: 1 },
      { name: "Batch", priority: 50 },
    ],
    domino: {
      datasets: datasets.map((dataset, index) => ({
        name: dataset,
        owner: "o",
        project: "p",
        resourceId: resourceId(index),
      })),
      roles: [{ name: "role", bucket: "bucket", prefix: "a/b", access: "read" }],
      users: [{ user, role: "role" }],
    },
    proxy: { image: "registry/proxy:1" },
    engines: engines.map((one) => ({
      name: one.name,
      type: one.type,
      ...(one.namespace === undefined ? {} : { namespace: one.namespace }),
      storage:
        one.type === "vllm" && one.fromS3
          ? "s3://models/llm"
          : { dataset: datasets[one.dataset % datasets.length], path: "models" },
      models: one.models.map((served) => ({
        name: served.name,
        base: one.type === "vllm" ? served.generationBase : served.requestBase,
        ...(served.firstWeight === undefined
          ? {}
          : {
              versions: [
                { version: 1, weight: served.firstWeight },
                { version: 2, weight: 100 - served.firstWeight },
              ],
            }),
        traffic: served.classes.map((serviceClass) => ({
          ...(serviceClass === undefined ? {} : { serviceClass }),
          ...(served.slo
            ? { slo: one.type === "vllm" ? { ttftP95: "60s", itlMean: "2s" } : { latencyP95: "30s" } }
            : {}),
          load: {
            rate: `${served.rate}/min`,
            ...(one.type === "vllm" ? { inputTokens: 512, outputTokens: 64 } : {}),
          },
        })),
      })),
    })),
  };
  try {
    return parseSpec(JSON.stringify(document), "generated.yaml");
  } catch (error) {
    if (PlatformError.is(error)) return undefined;
    throw error;
  }
}

const dnsName = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const labelForm = /^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/;

const ofType = (resources: readonly RecordedResource[], suffix: string) =>
  resources.filter(({ type }) => type.endsWith(suffix));

/** The one of exactly this name: generated names are often the end of others. */
function named(resources: readonly RecordedResource[], suffix: string, name: string): RecordedResource {
  const found = ofType(resources, suffix).filter((resource) => resource.name === name);
  expect(found.map((resource) => resource.name)).toEqual([name]);
  return present(found[0]);
}

function amount(quantity: string): number {
  const match = /^(\d+)(m|Mi)?$/.exec(quantity);
  if (!match) throw new Error(`quantity "${quantity}" is not evaluated here`);
  return Number(match[1]);
}

function expectValidNames(resources: readonly RecordedResource[]): void {
  const objects = resources.filter(({ type }) => type.startsWith("kubernetes:"));
  const names = objects.map(
    ({ type, inputs }) => `${type} ${inputs.metadata.namespace ?? ""}/${inputs.metadata.name}`,
  );
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  for (const { inputs } of objects) {
    expect(inputs.metadata.name).toMatch(dnsName);
    for (const value of Object.values(inputs.metadata.labels)) expect(value).toMatch(labelForm);
  }
  for (const { inputs } of resources.filter(({ type }) => type === "aws:iam/role:Role")) {
    expect(inputs.name).toMatch(/^[\w+=,.@-]{1,64}$/);
  }
}

/** Follows every mount from the pod over claim, volume and access point to the folder that it shows. */
function expectMountsOfOwnDataset(
  resources: readonly RecordedResource[],
  plan: PlatformPlan,
  spec: PlatformSpec,
): void {
  for (const group of plan.groups) {
    const { storage } = present(plan.engines.find(({ name }) => name === group.engine));
    const { namespace } = group;
    const pod = named(resources, ":Deployment", `${group.name}-deployment`).inputs;
    expect(pod.metadata).toMatchObject({ name: group.name, namespace });
    const mounted: string[] = pod.spec.template.spec.volumes.flatMap(
      (volume: { readonly persistentVolumeClaim?: { readonly claimName: string } }) =>
        volume.persistentVolumeClaim?.claimName ?? [],
    );
    if (storage.kind === "s3") {
      expect(mounted).toEqual([]);
      continue;
    }
    expect(mounted).toHaveLength(1);
    const claim = ofType(resources, ":PersistentVolumeClaim").find(
      ({ inputs }) => inputs.metadata.name === mounted[0] && inputs.metadata.namespace === namespace,
    );
    const volume = ofType(resources, ":PersistentVolume").find(
      ({ inputs }) => inputs.metadata.name === claim?.inputs.spec.volumeName,
    );
    expect(volume?.inputs.spec.claimRef).toMatchObject({ namespace, name: mounted[0] });
    const accessPoint = ofType(resources, ":AccessPoint").find(
      ({ name }) => volume?.inputs.spec.csi.volumeHandle === `fs-0123456789::<id:${name}>`,
    );
    const dataset = spec.domino?.datasets?.find(
      ({ name }) => storage.kind === "dataset" && name === storage.dataset,
    );
    expect(accessPoint?.inputs.rootDirectory.path).toBe(
      `/domino/filecache/${present(present(dataset).resourceId)}`,
    );
  }
}

function expectReplicasFitTheirNodes(resources: readonly RecordedResource[], plan: PlatformPlan): void {
  const packed = new Map<string, number>();
  for (const pool of plan.nodePools) {
    const { labels } = named(resources, ":NodeGroup", `${pool.name}-nodes`).inputs;
    expect(pool.nodes).toHaveLength(pool.desiredNodes);
    for (const node of pool.nodes) {
      const total = { cpuMillis: 0, memoryMiB: 0, gpuCount: 0 };
      for (const { group, count } of node.replicas) {
        packed.set(group, (packed.get(group) ?? 0) + count);
        const pod = named(resources, ":Deployment", `${group}-deployment`).inputs.spec.template.spec;
        expect(Object.keys(pod.nodeSelector).length).toBeGreaterThan(0);
        expect(labels).toMatchObject(pod.nodeSelector);
        const { requests } = pod.containers[0].resources;
        total.cpuMillis += count * amount(requests.cpu);
        total.memoryMiB += count * amount(requests.memory);
        total.gpuCount += count * amount(requests["nvidia.com/gpu"]);
      }
      expect(total.cpuMillis).toBeLessThanOrEqual(pool.allocatable.cpuMillis);
      expect(total.memoryMiB).toBeLessThanOrEqual(pool.allocatable.memoryMiB);
      expect(total.gpuCount).toBeLessThanOrEqual(pool.allocatable.gpuCount);
    }
  }
  const deployed = ofType(resources, ":Deployment").filter(
    ({ inputs }) => inputs.metadata.name !== "inference-proxy",
  );
  expect(Object.fromEntries(packed)).toEqual(
    Object.fromEntries(deployed.map(({ inputs }) => [inputs.metadata.name, inputs.spec.replicas])),
  );
}

function expectOnlyTheProxyReachesEngines(resources: readonly RecordedResource[], plan: PlatformPlan): void {
  const network = new Reachability(resources);
  const pods = podsOf(resources);
  for (const group of plan.groups) {
    const pod = present(pods.get(group.name));
    expect(network.may(present(pods.get("inference-proxy")), pod, 8000)).toBe(true);
    expect(network.may({ namespace: "domino-compute", labels: {} }, pod, 8000)).toBe(false);
  }
}

test("a platform of other names, datasets, engines and accelerators is deployed whole or refused", async () => {
  const seen = { deployed: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(platform, async (generated) => {
      const spec = specOf(generated);
      fc.pre(spec !== undefined);
      const expected = planPlatform(spec);
      if (expected.unplaced.length > 0) {
        seen.refused++;
        const error = await recordingOfSpec(spec).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (!PlatformError.is(error))
          throw new Error("a plan that leaves servers out was deployed", { cause: error });
        expect(error.problems.map(({ code }) => code)).toEqual(
          expected.unplaced.map(() => "PLAN_UNPLACEABLE"),
        );
        const refused = expected.unplaced.flatMap(({ servers }) => servers);
        expect(refused.toSorted()).toEqual(
          expected.servers.filter(({ group }) => group === undefined).map(({ id }) => id),
        );
        for (const server of refused) expect(error.message).toContain(server);
        return;
      }
      const { resources, plan } = await recordingOfSpec(spec);
      seen.deployed++;
      expectValidNames(resources);
      expectMountsOfOwnDataset(resources, plan, spec);
      expectReplicasFitTheirNodes(resources, plan);
      expectOnlyTheProxyReachesEngines(resources, plan);
      expect(
        JSON.parse(only(resources, ":ConfigMap", "inference-proxy-routes").inputs.data["routes.json"]),
      ).toEqual(plan.routes);
    }),
    { numRuns: 30, seed: 20261101 },
  );
  // Neither outcome may crowd the other out, or half of the assertions would say nothing.
  expect(seen.deployed).toBeGreaterThanOrEqual(10);
  expect(seen.refused).toBeGreaterThanOrEqual(1);
  // Thirty platforms are planned and made whole: minutes where processors are shared.
}, 240_000);
