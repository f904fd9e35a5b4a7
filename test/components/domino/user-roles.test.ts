import { describe, expect, test } from "vitest";
import { UserRoleMutation } from "../../../components/domino/user-role-mutation.ts";
import { UserRole } from "../../../components/domino/user-role.ts";
import { only, resourcesOf } from "../support/resources-of.ts";

const platform = { platform: "acme-prod", platformNamespace: "domino-inference-prod" };

describe("a user role", () => {
  const users = ["prod-deployer-user-1", "prod-deployer-user-2"];
  const program = () =>
    new UserRole("mlflow", {
      ...platform,
      role: "mlflow-s3-access-role",
      users,
      clusterName: "acme",
      accountId: "123456789012",
      oidcIssuer: "oidc.eks.us-west-2.amazonaws.com/id/ABC",
      s3: {
        bucket: "acme-blobs",
        prefix: "mlflow",
        access: "read",
        kmsKeyArn: "arn:aws:kms:us-west-2:123456789012:key/1",
        region: "us-west-2",
      },
    });

  test("gives every user a service account of their own beside their runs, annotated with the real role", async () => {
    const resources = await resourcesOf(program);
    const accounts = resources.filter(({ type }) => type.endsWith(":ServiceAccount"));
    expect(accounts.map(({ inputs }) => inputs.metadata.name)).toEqual([
      "domino-inference-prod-prod-deployer-user-1",
      "domino-inference-prod-prod-deployer-user-2",
    ]);
    for (const account of accounts) {
      expect(account.inputs.metadata.namespace).toBe("domino-compute");
      expect(account.inputs.metadata.annotations).toEqual({
        "eks.amazonaws.com/role-arn": "<arn:mlflow-access-role>",
        "eks.amazonaws.com/sts-regional-endpoints": "true",
      });
    }
  });

  test("trusts the service accounts that it creates, and no others", async () => {
    const resources = await resourcesOf(program);
    const role = only(resources, ":Role").inputs;
    expect(role.name).toBe("acme-acme-prod-mlflow-s3-access-role");
    const trust = JSON.parse(role.assumeRolePolicy);
    expect(Object.values(trust.Statement[0].Condition.StringEquals)).toContainEqual([
      "system:serviceaccount:domino-compute:domino-inference-prod-prod-deployer-user-1",
      "system:serviceaccount:domino-compute:domino-inference-prod-prod-deployer-user-2",
    ]);
  });
});

describe("the user role mutation", () => {
  test("maps every user to their own service account, in the form of Domino's resource", async () => {
    const resources = await resourcesOf(
      () => new UserRoleMutation("roles", { ...platform, users: ["jane-admin", "Bob.Smith"] }),
    );
    const { inputs } = only(resources, ":Mutation");
    expect(inputs).toMatchObject({
      apiVersion: "apps.dominodatalab.com/v1alpha1",
      kind: "Mutation",
      metadata: { name: "domino-inference-prod-user-roles", namespace: "domino-platform" },
    });
    expect(inputs).not.toHaveProperty("spec");
    expect(inputs.rules).toEqual([
      {
        enabled: true,
        labelSelectors: ["dominodatalab.com/workload-engine=cg2"],
        matchBuilds: false,
        cloudWorkloadIdentity: {
          cloud_type: "aws",
          default_sa: "",
          assume_sa_mapping: false,
          user_mappings: {
            "Bob.Smith": expect.stringMatching(/^domino-inference-prod-bob-smith-[0-9a-f]{8}$/),
            "jane-admin": "domino-inference-prod-jane-admin",
          },
        },
      },
    ]);
  });

  test("applies to the runs that the spec selects", async () => {
    const labelSelectors = ["dominodatalab.com/workload-type in (Workspace,Batch)"];
    const resources = await resourcesOf(
      () => new UserRoleMutation("roles", { ...platform, users: ["jane-admin"], labelSelectors }),
    );
    expect(only(resources, ":Mutation").inputs.rules[0].labelSelectors).toEqual(labelSelectors);
  });
});
