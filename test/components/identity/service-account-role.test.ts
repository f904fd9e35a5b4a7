import { describe, expect, test } from "vitest";
import {
  ServiceAccountRole,
  type ServiceAccountRoleArgs,
} from "../../../components/identity/service-account-role.ts";
import { only, recordingOf, resourcesOf } from "../support/resources-of.ts";

const issuer = "oidc.eks.us-west-2.amazonaws.com/id/ABC";
const args: ServiceAccountRoleArgs = {
  roleName: "acme-acme-dev-chat",
  description: "Engine chat",
  accountId: "123456789012",
  oidcIssuer: issuer,
  serviceAccounts: [{ namespace: "domino-inference-dev", name: "chat" }],
  s3: {
    bucket: "acme-models",
    prefix: "llm",
    access: "read",
    kmsKeyArn: "arn:aws:kms:us-west-2:123456789012:key/1",
    region: "us-west-2",
  },
};

async function documents(change: Partial<ServiceAccountRoleArgs> = {}) {
  const resources = await resourcesOf(() => new ServiceAccountRole("role", { ...args, ...change }));
  return {
    name: only(resources, ":Role").inputs.name as string,
    trust: JSON.parse(only(resources, ":Role").inputs.assumeRolePolicy),
    policy: JSON.parse(only(resources, ":RolePolicy").inputs.policy),
  };
}

describe("a service account role", () => {
  test("trusts exactly the given service accounts, without wildcards", async () => {
    const { trust } = await documents();
    expect(trust).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Federated: `arn:aws:iam::123456789012:oidc-provider/${issuer}` },
          Action: "sts:AssumeRoleWithWebIdentity",
          Condition: {
            StringEquals: {
              [`${issuer}:aud`]: "sts.amazonaws.com",
              [`${issuer}:sub`]: "system:serviceaccount:domino-inference-dev:chat",
            },
          },
        },
      ],
    });
  });

  test("lists several service accounts, sorted, so that their order in the spec changes nothing", async () => {
    const accounts = [
      { namespace: "domino-compute", name: "b" },
      { namespace: "domino-compute", name: "a" },
    ];
    const { trust } = await documents({ serviceAccounts: accounts });
    expect(trust.Statement[0].Condition.StringEquals[`${issuer}:sub`]).toEqual([
      "system:serviceaccount:domino-compute:a",
      "system:serviceaccount:domino-compute:b",
    ]);
  });

  test("reads one prefix of one bucket, and decrypts through S3 only", async () => {
    const { policy } = await documents();
    expect(policy).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "FindBucket",
          Effect: "Allow",
          Action: ["s3:GetBucketLocation"],
          Resource: "arn:aws:s3:::acme-models",
        },
        {
          Sid: "ListPrefix",
          Effect: "Allow",
          Action: ["s3:ListBucket"],
          Resource: "arn:aws:s3:::acme-models",
          Condition: { StringLike: { "s3:prefix": ["llm", "llm/*"] } },
        },
        {
          Sid: "ReadObjects",
          Effect: "Allow",
          Action: ["s3:GetObject"],
          Resource: "arn:aws:s3:::acme-models/llm/*",
        },
        {
          Sid: "UseKeyThroughS3",
          Effect: "Allow",
          Action: ["kms:Decrypt"],
          Resource: args.s3.kmsKeyArn,
          Condition: { StringEquals: { "kms:ViaService": "s3.us-west-2.amazonaws.com" } },
        },
      ],
    });
  });

  test("adds writing, and keys to write with, only where the spec asks for it", async () => {
    const { policy } = await documents({ s3: { ...args.s3, access: "read-write" } });
    expect(policy.Statement.map((statement: { Action: string[] }) => statement.Action)).toEqual([
      ["s3:GetBucketLocation"],
      ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
      [
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
      ],
      ["kms:Decrypt", "kms:GenerateDataKey"],
    ]);
    expect(policy.Statement.map((statement: { Sid: string }) => statement.Sid)).toEqual([
      "FindBucket",
      "ListPrefix",
      "ReadAndWriteObjects",
      "UseKeyThroughS3",
    ]);
  });

  test("lists a whole bucket where the prefix is empty", async () => {
    const { policy } = await documents({ s3: { ...args.s3, prefix: "" } });
    expect(policy.Statement[1]).not.toHaveProperty("Condition");
    expect(policy.Statement[2].Resource).toBe("arn:aws:s3:::acme-models/*");
  });

  test("stays in the partition of the key", async () => {
    const { trust, policy } = await documents({
      s3: { ...args.s3, kmsKeyArn: "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1" },
    });
    expect(trust.Statement[0].Principal.Federated).toMatch(/^arn:aws-us-gov:iam::/);
    expect(policy.Statement[0].Resource).toBe("arn:aws-us-gov:s3:::acme-models");
  });

  test("decrypts through S3 by its name in China, and trusts the audience that is the same everywhere", async () => {
    const { trust, policy } = await documents({
      s3: {
        ...args.s3,
        kmsKeyArn: "arn:aws-cn:kms:cn-north-1:123456789012:key/1",
        region: "cn-north-1",
      },
    });
    expect(policy.Statement[3].Condition).toEqual({
      StringEquals: { "kms:ViaService": "s3.cn-north-1.amazonaws.com.cn" },
    });
    expect(policy.Statement[0].Resource).toBe("arn:aws-cn:s3:::acme-models");
    expect(trust.Statement[0].Condition.StringEquals[`${issuer}:aud`]).toBe("sts.amazonaws.com");
  });

  test("decrypts through S3 by its commercial name in GovCloud", async () => {
    const { policy } = await documents({
      s3: {
        ...args.s3,
        kmsKeyArn: "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1",
        region: "us-gov-west-1",
      },
    });
    expect(policy.Statement[3].Condition).toEqual({
      StringEquals: { "kms:ViaService": "s3.us-gov-west-1.amazonaws.com" },
    });
  });

  test("cuts a name that IAM would refuse, and keeps it unique", async () => {
    const { name } = await documents({ roleName: "a".repeat(80) });
    expect(name).toMatch(/^a{55}-[0-9a-f]{8}$/);
  });

  test("refuses a role that nobody could take, by its name", async () => {
    await expect(documents({ serviceAccounts: [] })).rejects.toMatchObject({
      propertyPath: "serviceAccounts",
      reason: expect.stringContaining('role "acme-acme-dev-chat" names no service account'),
    });
  });

  test("takes a trust policy of exactly 2048 characters, IAM's quota, and none of one more", async () => {
    const ofLength = (length: number) => [{ namespace: "domino-compute", name: "u".repeat(length) }];
    const { trust } = await documents({ serviceAccounts: ofLength(1) });
    const room = 2048 - JSON.stringify(trust).length + 1;
    const largest = await documents({ serviceAccounts: ofLength(room) });
    expect(JSON.stringify(largest.trust)).toHaveLength(2048);
    await expect(documents({ serviceAccounts: ofLength(room + 1) })).rejects.toMatchObject({
      propertyPath: "serviceAccounts",
      reason: expect.stringContaining("has 2049 characters for 1 service accounts"),
    });
  });

  test("holds its one policy inline, under a name that stays, and sessions of an hour", async () => {
    const resources = await resourcesOf(() => new ServiceAccountRole("role", args));
    expect(only(resources, ":RolePolicy").inputs.name).toBe("s3-prefix");
    expect(only(resources, ":Role").inputs).toMatchObject({
      description: "Engine chat",
      maxSessionDuration: 3600,
    });
  });

  test("says which role it made", async () => {
    const { registeredOutputs } = await recordingOf(() => new ServiceAccountRole("role", args));
    expect([...registeredOutputs.entries()]).toEqual([
      [expect.stringMatching(/ServiceAccountRole::role$/), { roleArn: "<arn:role-role>" }],
    ]);
  });

  test("refuses more service accounts than a trust policy holds, with both lengths and a way out", async () => {
    const many = Array.from({ length: 60 }, (_, index) => ({
      namespace: "domino-compute",
      name: `user-${index}`,
    }));
    await expect(documents({ serviceAccounts: many })).rejects.toThrow(
      /has \d+ characters for 60 service accounts; IAM takes 2048\. Split it into several roles\./,
    );
  });
});
