import { describe, expect, test } from "vitest";
import { clusterSpec, clusterSpecText } from "../../components/support/cluster-spec.ts";
import { problemsOf } from "../../support/spec-fixture.ts";

const digest = `sha256:${"a".repeat(64)}`;
const custom = "use: [L4, L40S, H100-80G]";
const ownCard = (name: string, type: string) =>
  `custom: [{ name: ${name}, memory: 64Gi, memoryBandwidth: 1 TB/s, dense16BitTflops: 90, source: sheet, instanceTypes: [{ name: ${type}, gpus: 1, vcpus: 8, memory: 64Gi, price: 1 USD/h }] }]`;

/** The text that stands in the cluster spec, the path that is reported, and what is said to be allowed. */
const forms = {
  "a platform's name": [
    "name: bank, stage",
    "metadata.name",
    "lower-case letters, digits and inner dashes, beginning with a letter",
  ],
  "a cluster's name": [
    "name: bank\n",
    "cluster.existing.name",
    "3 to 32 lower-case letters, digits and dashes",
  ],
  "a region": ["region: eu-central-1", "cluster.existing.region", "an AWS region such as us-west-2"],
  "an account": [
    'accountId: "210987654321"',
    "cluster.existing.accountId",
    "the 12 digits of an AWS account, in quotes",
  ],
  "an issuer": [
    "oidcIssuer: oidc.eks.eu-central-1.amazonaws.com/id/FEDCBA",
    "cluster.existing.oidcIssuer",
    "the issuer without https://, such as oidc.eks.us-west-2.amazonaws.com/id/ABC",
  ],
  "a security group": [
    "nodeSecurityGroup: sg-0123456789",
    "cluster.existing.nodeSecurityGroup",
    "a security group id such as sg-0abc1234",
  ],
  "a node role": [
    "nodeRoleArn: arn:aws:iam::210987654321:role/custom-nodes",
    "cluster.existing.nodeRoleArn",
    "the ARN of an IAM role",
  ],
  "a subnet": [
    "id: subnet-0123456782",
    "cluster.existing.privateSubnets[1].id",
    "a subnet id such as subnet-0abc1234",
  ],
  "an address range": [
    "cidr: 10.1.32.0/19",
    "cluster.existing.privateSubnets[1].cidr",
    "a CIDR such as 10.0.64.0/19",
  ],
  "a key": [
    "kmsKeyArn: arn:aws:kms:eu-central-1:210987654321:key/1",
    "cluster.existing.kmsKeyArn",
    "the ARN of a KMS key",
  ],
  "a file system": [
    "fileSystemId: fs-0123456789",
    "cluster.existing.efs.fileSystemId",
    "a file system id such as fs-0abc1234",
  ],
  "a snapshot": [
    "resourceId: 5d0c1d3e-1111-4222-8333-444455556666",
    "domino.datasets[0].resourceId",
    "the UUID of the snapshot's folder under filecache/",
  ],
  "a role": ["name: writer", "domino.roles[0].name", "at most 40 letters, digits and _+=,.@-"],
  "a bucket": ["bucket: bank-blobs", "domino.roles[0].bucket", "a bucket without s3://"],
  "a prefix": [
    "prefix: mlflow",
    "domino.roles[0].prefix",
    "a relative path without . and .., such as models/pre-load",
  ],
  "a user": [
    "user: Jane.Doe",
    "domino.users[0].user",
    "a Domino user name, at most 63 letters, digits, dots, underscores and dashes",
  ],
  "an image": [
    `image: registry.bank/proxy@${digest}`,
    "proxy.image",
    "an image with an exact tag (not latest) or a digest, such as registry/name:1.2.3",
  ],
  "a service class": [
    "name: Premium",
    "serviceClasses[0].name",
    "at most 20 letters, digits and dashes, beginning with a letter",
  ],
  "a model": [
    "name: BERT_Fraud",
    "engines[0].models[0].name",
    "up to 100 letters, digits, dots, underscores and dashes, beginning with a letter or digit",
  ],
  "a version": [
    "version: 2,",
    "engines[0].models[0].versions[1].version",
    "a whole number from 1, or a short text such as 2026-05",
  ],
  "an S3 folder": [
    "storage: s3://bank-models/llm",
    "engines[2].storage",
    "{dataset, path}, s3://bucket/prefix, hf://organisation, pvc://claim/path, {fsx, path} or oci://image@digest",
  ],
} as const;
type Form = keyof typeof forms;

/** Puts another value in the place of a form's. */
function written(form: Form, value: string): string {
  const [found] = forms[form];
  if (clusterSpecText.split(found).length !== 2) throw new Error(`"${found}" must occur once`);
  const end = /[,\n]$/.exec(found)?.[0] ?? (found.includes(", stage") ? ", stage" : "");
  return clusterSpecText.replace(
    found,
    `${found.slice(0, found.indexOf(":"))}: ${JSON.stringify(value)}${end}`,
  );
}

describe("a form of the spec", () => {
  test.each([
    ["a platform's name", "Bank"],
    ["a platform's name", "-bank"],
    ["a platform's name", "bank-"],
    ["a cluster's name", "ab"],
    ["a cluster's name", "Bank"],
    ["a region", "eu-central"],
    ["a region", "us-west-2a"],
    ["an account", "12345678901"],
    ["an account", "1234567890123"],
    ["an issuer", "https://oidc.eks.eu-central-1.amazonaws.com/id/FEDCBA"],
    ["an issuer", "oidc.eks.eu-central-1.amazonaws.com/id/FEDCBA/"],
    ["a security group", "0123456789"],
    ["a node role", "custom-nodes"],
    ["a node role", "arn:aws:iam::210987654321:user/custom-nodes"],
    ["a subnet", "subnet-xyz"],
    ["an address range", "10.1.32.0"],
    ["a key", "alias/bank"],
    ["a file system", "fsap-0123456789"],
    ["a snapshot", "5d0c1d3e"],
    ["a role", "a role"],
    ["a bucket", "s3://bank-blobs"],
    ["a bucket", "Bank"],
    ["a prefix", "/mlflow"],
    ["a prefix", "mlflow/"],
    ["a prefix", "a/../b"],
    ["a prefix", ".."],
    ["a user", ".jane"],
    ["an image", "registry.bank/proxy"],
    ["an image", "registry.bank/proxy:latest"],
    ["an image", "registry.bank/proxy@sha256:abc"],
    ["a service class", "1st"],
    ["a model", "_bert"],
    ["a version", "2026/05"],
    ["a version", ""],
    ["an S3 folder", "s3://Bank/llm"],
    ["an S3 folder", "https://bank-models/llm"],
  ] as const)("refuses as %s: %s, and says what it takes", (form, value) => {
    const [, path, allowed] = forms[form];
    expect(problemsOf(written(form, value))).toContainEqual(
      expect.objectContaining({ code: "SPEC_TYPE_INVALID", path, allowed }),
    );
  });

  test.each([
    ["a platform's name", "b4-nk"],
    ["a cluster's name", "bank-2"],
    ["a region", "us-gov-west-1"],
    ["an issuer", "oidc.eks.cn-north-1.amazonaws.com/id/0A1B"],
    ["a security group", "sg-0123456789abcdef0"],
    ["a node role", "arn:aws-us-gov:iam::210987654321:role/path/nodes"],
    ["a key", "arn:aws-cn:kms:cn-north-1:210987654321:key/mrk-1"],
    ["a role", "writer"],
    ["a bucket", "bank.blobs"],
    ["a prefix", "ml.flow/a..b/_c"],
    ["a user", "j"],
    ["an image", "registry.bank:5000/team/proxy:1.2.3"],
    ["an image", `registry.bank/proxy:latest2@${digest}`],
    ["an image", `proxy@${digest}`],
    ["a version", "7"],
    ["an S3 folder", "s3://bank-models"],
    ["an S3 folder", "s3://bank-models/a/b=c/"],
  ] as const)("takes as %s: %s", (form, value) => {
    expect(problemsOf(written(form, value))).toEqual([]);
  });

  test("of accelerators and instance types of the spec's own is said too", () => {
    const problems = (name: string, type: string) =>
      problemsOf(clusterSpecText.replace(custom, ownCard(name, type))).map(({ path, allowed }) => [
        path,
        allowed,
      ]);
    expect(problems("MI300X", "own.large")).toEqual([]);
    expect(problems("_1", "own.large")).toEqual([
      [
        "accelerators.custom[0].name",
        "a name such as MI300X, at most 40 letters, digits, dots, underscores and dashes",
      ],
    ]);
    expect(problems("X1", "Own.large")).toEqual([
      ["accelerators.custom[0].instanceTypes[0].name", "an instance type such as g6e.12xlarge"],
    ]);
  });
});

describe("the address of Domino's API", () => {
  const problems = (host: string) =>
    problemsOf(clusterSpecText.replace("domino:\n", `domino:\n  apiHost: ${host}\n`)).map(
      ({ code, path, allowed }) => [code, path, allowed],
    );

  test.each(["http://nucleus-frontend.domino-platform:80", "https://domino.bank"])("may be %s", (host) => {
    expect(problems(host)).toEqual([]);
  });

  test.each(["ftp://domino.bank", "xhttps://domino.bank", "httpsx://domino.bank", "domino.bank"])(
    "may not be %s",
    (host) => {
      expect(problems(host)).toEqual([["SPEC_TYPE_INVALID", "domino.apiHost", "an http or https address"]]);
    },
  );
});

test("what a spec leaves out has its default, and versions are text", () => {
  const spec = clusterSpec([
    "proxy:\n  image: registry.bank/proxy@sha256:" + "a".repeat(64) + "\n  replicas: 2",
    "nodes: { provisioner: managed-node-groups }\nproxy:\n  image: registry.bank/proxy:1",
  ]);
  expect(spec.proxy).toMatchObject({ auth: ["domino"], grpc: false, audit: "json" });
  expect(spec.nodes?.purchase).toEqual(["on-demand"]);
  expect(spec.engines[0]?.models[0]?.versions?.map(({ version }) => version)).toEqual(["1", "2"]);
  const [card] = clusterSpec([custom, ownCard("X1", "own.large")]).accelerators?.custom ?? [];
  expect(card?.instanceTypes[0]?.maxPods).toBe(110);
});
