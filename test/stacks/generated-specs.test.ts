import fc from "fast-check";
import { expect, test } from "vitest";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { parseSpec } from "../../platform/spec/load.ts";
import type { PlatformSpec } from "../../platform/spec/schema.ts";
import { Reachability, podsOf } from "../components/support/reachability.ts";
import { recordingOfSpec } from "../components/support/stack-recording.ts";
import { present } from "../components/support/present.ts";

const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,18}[a-z0-9]$/);
const registered = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
const rate = fc.integer({ min: 1, max: 900 });

const engine = fc.record({
  name: label,
  type: fc.constantFrom("triton", "vllm"),
  namespace: fc.option(label, { nil: undefined }),
  model: registered,
  fromS3: fc.boolean(),
  rate,
});

const platform = fc.record({
  name: label,
  stage: fc.constantFrom("dev", "test", "prod"),
  dataset: registered,
  user: fc.stringMatching(/^[a-z0-9][A-Za-z0-9._-]{0,40}$/),
  engines: fc.uniqueArray(engine, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
  use: fc.subarray(["L4", "L40S", "A100-80G", "H100-80G"], { minLength: 1 }),
});

type Generated = typeof platform extends fc.Arbitrary<infer T> ? T : never;

/** The spec of generated values, or nothing where they contradict each other (two names that become one, say). */
function specOf({ name, stage, dataset, user, engines, use }: Generated): PlatformSpec | undefined {
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
    accelerators: { use },
    domino: {
      datasets: [
        { name: dataset, owner: "o", project: "p", resourceId: "5d0c1d3e-1111-4222-8333-444455556666" },
      ],
      roles: [{ name: "role", bucket: "bucket", prefix: "a/b", access: "read" }],
      users: [{ user, role: "role" }],
    },
    proxy: { image: "registry/proxy:1" },
    engines: engines.map((one) => ({
      name: one.name,
      type: one.type,
      ...(one.namespace === undefined ? {} : { namespace: one.namespace }),
      storage: one.type === "vllm" && one.fromS3 ? "s3://models/llm" : { dataset, path: "models" },
      models: [
        {
          name: one.model,
          base: one.type === "vllm" ? "llama-3-70b" : "bert-base",
          traffic: [
            {
              load: {
                rate: `${one.rate}/min`,
                ...(one.type === "vllm" ? { inputTokens: 512, outputTokens: 64 } : {}),
              },
            },
          ],
        },
      ],
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

test("a platform of other names, engines and accelerators gives valid objects that the proxy can reach", async () => {
  let deployed = 0;
  await fc.assert(
    fc.asyncProperty(platform, async (generated) => {
      const spec = specOf(generated);
      fc.pre(spec !== undefined);
      const { resources, plan } = await recordingOfSpec(spec).catch((error: unknown) => {
        if (PlatformError.is(error) && error.code === "PLAN_UNPLACEABLE") fc.pre(false);
        throw error;
      });
      deployed++;
      const objects = resources.filter(({ type }) => type.startsWith("kubernetes:"));
      const names = objects.map(
        ({ type, inputs }) => `${type} ${inputs.metadata.namespace ?? ""}/${inputs.metadata.name}`,
      );
      expect(new Set(names).size).toBe(names.length);
      for (const { inputs } of objects) {
        expect(inputs.metadata.name).toMatch(dnsName);
        for (const value of Object.values(inputs.metadata.labels)) expect(value).toMatch(labelForm);
      }
      for (const { inputs } of resources.filter(({ type }) => type === "aws:iam/role:Role")) {
        expect(inputs.name).toMatch(/^[\w+=,.@-]{1,64}$/);
      }
      const network = new Reachability(resources);
      const pods = podsOf(resources);
      for (const group of plan.groups) {
        expect(network.may(present(pods.get("inference-proxy")), present(pods.get(group.name)), 8000)).toBe(
          true,
        );
        expect(
          network.may({ namespace: "domino-compute", labels: {} }, present(pods.get(group.name)), 8000),
        ).toBe(false);
      }
    }),
    { numRuns: 40, seed: 20261101 },
  );
  expect(deployed).toBeGreaterThanOrEqual(40);
});
