import { expect, test } from "vitest";
import { leastPrivilege } from "../../policies/least-privilege.ts";
import { resource, unknown } from "./resource.ts";

const check = (type: string, props: Record<string, unknown>) => leastPrivilege.check(resource(type, props));

const permissions = (statement: Record<string, unknown>) =>
  check("aws:iam/rolePolicy:RolePolicy", {
    policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Sid: "Read", Effect: "Allow", ...statement }],
    }),
  });

const provider = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC";
const sub = "oidc.eks.us-west-2.amazonaws.com/id/ABC:sub";
const account = "system:serviceaccount:inference:triton";

const trust = (statement: Record<string, unknown>) =>
  check("aws:iam/role:Role", {
    assumeRolePolicy: { Statement: { Sid: "Trust", Effect: "Allow", ...statement } },
  });

test.each([
  { Action: ["s3:GetObject", "s3:List*"], Resource: ["arn:aws:s3:::models/llm/*"] },
  { Action: "ecr:GetAuthorizationToken", Resource: "*" },
  { Action: ["ec2:DescribeInstances", "cloudwatch:PutMetricData"], Resource: ["*"] },
  { Effect: "Deny", Action: "*", Resource: "*" },
  { Effect: "Deny", NotAction: "s3:GetObject", Resource: "*" },
])("accepts the statement %j", (statement) => {
  expect(permissions(statement)).toEqual([]);
});

test.each([
  [
    { Action: "*", Resource: "arn:aws:s3:::models/*" },
    'Read: action "*" is a whole service; list the actions',
  ],
  [
    { Action: "s3:*", Resource: "arn:aws:s3:::models/*" },
    'Read: action "s3:*" is a whole service; list the actions',
  ],
  [
    { Action: "S3:**", Resource: "arn:aws:s3:::models/*" },
    'Read: action "S3:**" is a whole service; list the actions',
  ],
  [
    { Action: "s?:Get", Resource: "arn:aws:s3:::models/*" },
    'Read: action "s?:Get" is a whole service; list the actions',
  ],
  [{ Action: "s3:GetObject", Resource: "*" }, 'Read: resource "*" with s3:GetObject; name the resources'],
  [
    { Action: ["ec2:DescribeVpcs", "s3:GetObject"], Resource: "*" },
    'Read: resource "*" with s3:GetObject; name the resources',
  ],
  [
    { Action: "s3:GetObject", Resource: "arn:aws:s3:::*" },
    'Read: resource "arn:aws:s3:::*" with s3:GetObject; name the resources',
  ],
  [
    { Action: "s3:GetObject", Resource: "arn:aws:s3:::*/*" },
    'Read: resource "arn:aws:s3:::*/*" with s3:GetObject; name the resources',
  ],
  [{ NotAction: "iam:*", Resource: "arn:aws:s3:::models/*" }, "Read: allows by NotAction; list the actions"],
  [
    { Action: "s3:GetObject", NotResource: "arn:aws:s3:::a/*" },
    "Read: allows by NotResource; list the resources",
  ],
])("refuses the statement %j", (statement, message) => {
  expect(permissions(statement)).toEqual([message]);
});

test("looks into the inline policies of a role, and places a statement that has no Sid", () => {
  const policy = JSON.stringify({
    Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "arn:aws:s3:::a/*" }],
  });
  expect(check("aws:iam/role:Role", { inlinePolicies: [{ policy }] })).toEqual([
    'Statement[0]: action "s3:*" is a whole service; list the actions',
  ]);
});

test("accepts a role for exactly the named service accounts, and one for an AWS service", () => {
  const condition = { StringEquals: { [sub]: [account, `${account}-2`], "x:aud": "sts.amazonaws.com" } };
  expect(
    trust({
      Principal: { Federated: provider },
      Action: "sts:AssumeRoleWithWebIdentity",
      Condition: condition,
    }),
  ).toEqual([]);
  expect(trust({ Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" })).toEqual([]);
});

test.each([
  ["no condition", undefined],
  ["only an audience", { StringEquals: { "x:aud": "sts.amazonaws.com" } }],
  ["a pattern instead of an equal subject", { StringLike: { [sub]: account } }],
])("refuses an OIDC trust with %s", (_, condition) => {
  expect(
    trust({ Principal: { Federated: provider }, ...(condition ? { Condition: condition } : {}) }),
  ).toEqual(["Trust: trusts an OIDC provider without StringEquals on its sub; name the service account"]);
});

test("refuses a wildcard in the subject of an OIDC trust", () => {
  const condition = { StringEquals: { [sub]: "system:serviceaccount:inference:*" } };
  expect(trust({ Principal: { Federated: provider }, Condition: condition })).toEqual([
    'Trust: sub "system:serviceaccount:inference:*" has a wildcard; name the service account in full',
  ]);
});

test.each([
  [{ Principal: "*" }, 'Trust: trusts everybody ("*"); name the principals'],
  [{ Principal: { AWS: ["*"] } }, 'Trust: trusts everybody ("*"); name the principals'],
  [
    { Principal: { AWS: "arn:aws:iam::123456789012:role/*" } },
    'Trust: principal "arn:aws:iam::123456789012:role/*" has a wildcard; name it in full',
  ],
  [{ NotPrincipal: { AWS: "123456789012" } }, "Trust: trusts by NotPrincipal; name the principals"],
])("refuses the trust %j", (statement, message) => {
  expect(trust(statement)).toEqual([message]);
});

test.each(["AdministratorAccess", "AmazonS3FullAccess", "PowerUserAccess"])(
  "refuses to attach %s",
  (name) => {
    const arn = `arn:aws:iam::aws:policy/${name}`;
    const message = `attaches ${arn}, which is far more than needed; write a policy of its own`;
    expect(check("aws:iam/rolePolicyAttachment:RolePolicyAttachment", { policyArn: arn })).toEqual([message]);
    expect(check("aws:iam/role:Role", { managedPolicyArns: [arn] })).toEqual([message]);
  },
);

test("accepts a narrow policy of AWS", () => {
  const arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy";
  expect(check("aws:iam/rolePolicyAttachment:RolePolicyAttachment", { policyArn: arn })).toEqual([]);
});

const clusterRole = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole";

test("accepts a Kubernetes role that lists what it may do", () => {
  expect(
    check(clusterRole, { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }] }),
  ).toEqual([]);
});

test.each(["verbs", "resources", "apiGroups", "nonResourceURLs"])(
  "refuses * as %s of a Kubernetes role",
  (field) => {
    const rule = { apiGroups: [""], resources: ["pods"], verbs: ["get"], [field]: ["*"] };
    expect(check("kubernetes:rbac.authorization.k8s.io/v1:Role", { rules: [rule] })).toEqual([
      `rules[0]: ${field} "*"; list them`,
    ]);
  },
);

test("refuses bindings of cluster-admin and bindings to everybody", () => {
  const binding = { roleRef: { name: "cluster-admin" }, subjects: [{ name: "system:authenticated" }] };
  expect(check("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", binding)).toEqual([
    "binds cluster-admin; bind a role of its own",
    'binds "system:authenticated", which is everybody; name the service account',
  ]);
});

test("does not judge documents and values that are not known yet", () => {
  expect(check("aws:iam/rolePolicy:RolePolicy", { policy: unknown })).toEqual([]);
  expect(check("aws:iam/role:Role", { assumeRolePolicy: unknown, managedPolicyArns: [unknown] })).toEqual([]);
  expect(check(clusterRole, { rules: unknown })).toEqual([]);
});
