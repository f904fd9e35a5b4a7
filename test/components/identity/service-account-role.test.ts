import { describe, expect, test } from "vitest";
import {
  ServiceAccountRole,
  type ServiceAccountRoleArgs,
} from "../../../components/identity/service-account-role.ts";
import { only, resourcesOf } from "../support/resources-of.ts";

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

  test("refuses a role that nobody could take", async () => {
    await expect(documents({ serviceAccounts: [] })).rejects.toMatchObject({
      propertyPath: "serviceAccounts",
    });
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
