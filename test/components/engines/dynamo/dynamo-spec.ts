import { parseSpec } from "../../../../platform/spec/load.ts";
import type { PlatformSpec } from "../../../../platform/spec/schema.ts";

/** One Dynamo engine on a cluster, with what a test says of the engine and of its model. */
export interface DynamoSpecParts {
  /** Lines of the engine's entry. */
  readonly engine?: readonly string[];
  readonly storage?: string;
  readonly version?: string;
  /** Lines of the model's entry. */
  readonly model?: readonly string[];
  /** Lines of the whole spec. */
  readonly platform?: readonly string[];
}

export function dynamoSpec({
  engine = [],
  storage = "{ dataset: models, path: llm }",
  version = "2",
  model = [],
  platform = [],
}: DynamoSpecParts = {}): PlatformSpec {
  const addons = platform.some((line) => line.startsWith("addons:"))
    ? []
    : ["addons: { dynamoPlatform: present }"];
  const text = `apiVersion: domino-inference/v1
kind: Platform
metadata: { name: bank, stage: test }
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
accelerators: { use: [H100-80G] }
proxy: { image: "registry.bank/proxy:1.2.3" }
domino:
  datasets:
    - { name: models, owner: risk, project: chat, resourceId: 5d0c1d3e-1111-4222-8333-444455556666 }
${[...addons, ...platform].join("\n")}
engines:
  - name: chat
    type: dynamo
    namespace: chat
    storage: ${storage}
${indented(4, engine)}
    models:
      - name: llama-3-70b
        version: ${version}
${indented(8, model)}
        traffic:
          - { slo: { ttftP95: 3s }, load: { rate: 6/min, inputTokens: 512, outputTokens: 100 } }
`;
  return parseSpec(text, "dynamo.yaml");
}

function indented(spaces: number, lines: readonly string[]): string {
  return lines.map((line) => " ".repeat(spaces) + line).join("\n");
}
