import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { evaluatePolicies } from "../../policies/evaluate.ts";
import { policies } from "../../policies/registry.ts";
import { resource, unknown } from "./resource.ts";

const folder = join(import.meta.dirname, "../../policies");
const context = { budgetUsdPerHour: 1, usdPerHourOf: () => undefined };

test("every policy is a file of its own name", async () => {
  const files = await readdir(folder);
  expect(policies.map(({ name }) => `${name}.ts`).filter((file) => !files.includes(file))).toEqual([]);
});

test("only the pack's entry imports Pulumi at run time", async () => {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".ts"));
  const importing: string[] = [];
  for (const file of files) {
    if (/^import (?!type ).*"@pulumi\//m.test(await readFile(join(folder, file), "utf8")))
      importing.push(file);
  }
  expect(importing).toEqual([join("pack", "serve.ts")]);
});

test("no policy fails on values that are unknown, absent or of another type", () => {
  const types = [
    "kubernetes:core/v1:Pod",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet",
    "kubernetes:nvidia.com/v1beta1:DynamoGraphDeployment",
    "kubernetes:core/v1:Service",
    "kubernetes:core/v1:Namespace",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    "kubernetes:networking.k8s.io/v1:Ingress",
    "kubernetes:rbac.authorization.k8s.io/v1:Role",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:s3/bucketPolicy:BucketPolicy",
  ];
  const values = [unknown, undefined, null, 7, "text", "{", [unknown], [null], { deeper: unknown }];
  const fields = [
    "spec",
    "metadata",
    "rules",
    "policy",
    "assumeRolePolicy",
    "ingress",
    "scalingConfig",
    "instanceTypes",
  ];
  const resources = types.flatMap((type) =>
    values.map((value) => resource(type, Object.fromEntries(fields.map((field) => [field, value])))),
  );
  expect(evaluatePolicies(policies, resources, context)).toHaveLength(policies.length);
});

test("violations are listed by resource, whatever the order of registration", () => {
  const pod = (name: string) =>
    resource("kubernetes:core/v1:Pod", { spec: { containers: [{ image: "nginx" }] } }, name);
  const [forward] = evaluatePolicies(policies, [pod("a"), pod("b")], context);
  const [backward] = evaluatePolicies(policies, [pod("b"), pod("a")], context);
  expect(forward).toEqual(backward);
  expect(forward).toMatchObject({ name: "images-pinned", level: "mandatory" });
  expect(forward?.violations).toHaveLength(2);
});
