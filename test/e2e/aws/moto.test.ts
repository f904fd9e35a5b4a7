import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { only, type RecordedResource } from "../../components/support/resources-of.ts";
import { recordingOfStack } from "../../components/support/stack-recording.ts";
import { serverNeed } from "../inference-servers/prepared-environment.ts";
import { suite } from "../requires.ts";
import { motoAccount, startMoto, type AwsCredentials, type RunningMoto } from "./moto.ts";
import {
  createAccessPoint,
  createLaunchTemplate,
  createNodeGroup,
  createRole,
  putRolePolicy,
  updateTrustPolicy,
} from "./recorded-calls.ts";

/*
 * What moto can tell about the inputs of the shipped stacks' AWS resources. Two parts look at them: boto3 checks every
 * parameter against AWS's service models (names, types, lengths, required ones), and moto parses policies, evaluates
 * them where it is told to, and knows which things refer to which.
 *
 * It is not AWS: moto evaluates no conditions of policies (so not the prefixes of a listing, nor who may take a role on),
 * verifies no web identity, checks no lengths of names, knows no instance types, images, subnets, file systems or quotas of an account, and makes
 * everything active at once. The cluster, which the program expects to exist, is created here.
 */
suite("moto, with the AWS resources of a shipped stack", [serverNeed("moto")], () => {
  describe.each(["dev", "prod"])("%s", (stack) => {
    let moto: RunningMoto;
    let resources: readonly RecordedResource[];
    const of = (type: string) => resources.filter((resource) => resource.type === type);

    beforeAll(async () => {
      ({ resources } = await recordingOfStack(stack));
      moto = await startMoto("us-west-2");
    });
    afterAll(() => moto?.stop());

    test("IAM takes every role with its trust policy, and every policy", async () => {
      const roles = of("aws:iam/role:Role");
      const policies = of("aws:iam/rolePolicy:RolePolicy");
      expect([roles.length, policies.length]).toEqual([2, 2]);
      const results = await moto.calls([
        ...roles.map(createRole),
        ...roles.map(updateTrustPolicy),
        ...policies.map(putRolePolicy),
      ]);
      expect(results.filter(({ ok }) => !ok)).toEqual([]);
      for (const { inputs } of policies) {
        const names = { RoleName: inputs.role, PolicyName: inputs.name };
        const { PolicyDocument } = await moto.call({
          service: "iam",
          operation: "get_role_policy",
          parameters: names,
        });
        expect(PolicyDocument).toEqual(JSON.parse(inputs.policy));
      }
    });

    test("IAM refuses the same policies where they are broken, so that its yes means something", async () => {
      const trust = updateTrustPolicy(only(resources, "aws:iam/role:Role", "chat-models-role"));
      const policy = putRolePolicy(only(resources, "aws:iam/rolePolicy:RolePolicy", "chat-models-policy"));
      const withDocument = (call: typeof trust, change: (text: string) => string) => {
        const { PolicyDocument } = call.parameters as { PolicyDocument: string };
        const changed = change(PolicyDocument);
        expect(changed).not.toBe(PolicyDocument);
        return { ...call, parameters: { ...call.parameters, PolicyDocument: changed } };
      };
      const results = await moto.calls([
        withDocument(trust, (text) => text.replace("sts:AssumeRoleWithWebIdentity", "s3:GetObject")),
        withDocument(trust, (text) => text.slice(1)),
        withDocument(policy, (text) => text.replace('"Effect":"Allow"', '"Effect":"Maybe"')),
        withDocument(policy, (text) => text.replace("arn:aws:s3:::", "s3://")),
        withDocument(policy, (text) => text.replace('"Sid":"ListPrefix"', '"Sid":"FindBucket"')),
      ]);
      expect(results.map((result) => (result.ok ? "taken" : result.code))).toEqual(
        results.map(() => "MalformedPolicyDocument"),
      );
    });

    test("a policy lets its role do in its bucket's prefix what the stack says, and nothing beyond", async () => {
      const access = { dev: { chat: "read", mlflow: "read-write" }, prod: { chat: "read", mlflow: "read" } };
      const buckets = ["acme-models", "acme-blobs"];
      const filled = buckets.flatMap((Bucket) => [
        {
          service: "s3",
          operation: "create_bucket",
          parameters: { Bucket, CreateBucketConfiguration: { LocationConstraint: "us-west-2" } },
        },
        ...["llm/weights", "mlflow/model", "other/secret"].map((Key) => ({
          service: "s3",
          operation: "put_object",
          parameters: { Bucket, Key, Body: "data" },
        })),
      ]);
      expect((await moto.calls(filled)).filter(({ ok }) => !ok)).toEqual([]);
      const expected = access[stack as keyof typeof access];
      const chat = await credentialsOf(moto, `acme-acme-${stack}-chat`);
      const mlflow = await credentialsOf(moto, `acme-acme-${stack}-mlflow-s3-access-role`);
      await moto.enforcePolicies(true);
      const may = async (credentials: AwsCredentials, Bucket: string, Key: string): Promise<string> => {
        const parameters = { Bucket, Key };
        const [get, put, remove] = await moto.calls([
          { service: "s3", operation: "get_object", parameters, credentials },
          { service: "s3", operation: "put_object", parameters: { ...parameters, Body: "new" }, credentials },
          { service: "s3", operation: "delete_object", parameters, credentials },
        ]);
        const allowed = [get, put, remove].map((result) => result?.ok === true);
        return allowed.every(Boolean)
          ? "read-write"
          : allowed[0] === true && !allowed[1] && !allowed[2]
            ? "read"
            : "none";
      };
      try {
        expect(await may(chat, "acme-models", "llm/weights")).toBe(expected.chat);
        expect(await may(mlflow, "acme-blobs", "mlflow/model")).toBe(expected.mlflow);
        for (const [credentials, bucket, key] of [
          [chat, "acme-models", "other/secret"],
          [chat, "acme-blobs", "llm/weights"],
          [mlflow, "acme-blobs", "other/secret"],
          [mlflow, "acme-models", "mlflow/model"],
        ] as const) {
          expect([bucket, key, await may(credentials, bucket, key)]).toEqual([bucket, key, "none"]);
        }
        const listed = { service: "iam", operation: "list_roles", parameters: {} };
        expect((await moto.calls([{ ...listed, credentials: chat }])).map(({ ok }) => ok)).toEqual([false]);
      } finally {
        await moto.enforcePolicies(false);
      }
    });

    test("EFS takes every access point", async () => {
      const points = of("aws:efs/accessPoint:AccessPoint");
      expect(points).toHaveLength(1);
      for (const point of points) {
        expect(await moto.call(createAccessPoint(point))).toMatchObject({
          FileSystemId: point.inputs.fileSystemId,
          PosixUser: { Uid: 12574, Gid: 12574 },
          RootDirectory: { Path: point.inputs.rootDirectory.path },
        });
      }
    });

    test("EC2 and EKS take every launch template and node group", async () => {
      const groups = of("aws:eks/nodeGroup:NodeGroup");
      expect(groups.length).toBe(of("aws:ec2/launchTemplate:LaunchTemplate").length);
      expect(groups.length).toBeGreaterThan(0);
      await moto.call({
        service: "eks",
        operation: "create_cluster",
        parameters: {
          name: "acme",
          roleArn: `arn:aws:iam::${motoAccount}:role/acme-eks`,
          resourcesVpcConfig: { subnetIds: groups[0]?.inputs.subnetIds },
        },
      });
      for (const group of groups) {
        const [, templateName] = /^<id:(.*)>$/.exec(group.inputs.launchTemplate.id) ?? [];
        const template = only(resources, "aws:ec2/launchTemplate:LaunchTemplate", templateName);
        const { LaunchTemplate } = await moto.call(createLaunchTemplate(template));
        const { nodegroup } = await moto.call(
          createNodeGroup(group, LaunchTemplate.LaunchTemplateId as string),
        );
        expect(nodegroup).toMatchObject({
          clusterName: "acme",
          instanceTypes: group.inputs.instanceTypes,
          labels: group.inputs.labels,
          taints: group.inputs.taints,
          scalingConfig: group.inputs.scalingConfig,
        });
      }
    });
  });
});

async function credentialsOf(moto: RunningMoto, role: string): Promise<AwsCredentials> {
  const { Credentials } = await moto.call({
    service: "sts",
    operation: "assume_role_with_web_identity",
    parameters: {
      RoleArn: `arn:aws:iam::${motoAccount}:role/${role}`,
      RoleSessionName: "pod",
      WebIdentityToken: "unverified",
    },
  });
  return Credentials as AwsCredentials;
}
