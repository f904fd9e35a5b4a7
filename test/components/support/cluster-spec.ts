import { parseSpec } from "../../../platform/spec/load.ts";
import type { PlatformSpec } from "../../../platform/spec/schema.ts";

/**
 * A platform unlike the shipped ones: engines with namespaces of their own, one image by digest, two versions side by
 * side, an LLM from a dataset, names with capitals and underscores.
 */
export const clusterSpecText = `apiVersion: domino-inference/v1
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
    nodeRoleArn: arn:aws:iam::210987654321:role/custom-nodes
    privateSubnets:
      - { id: subnet-0123456781, cidr: 10.1.0.0/19 }
      - { id: subnet-0123456782, cidr: 10.1.32.0/19 }
    kmsKeyArn: arn:aws:kms:eu-central-1:210987654321:key/1
    efs: { fileSystemId: fs-0123456789 }
accelerators: { use: [L4, L40S, H100-80G] }
serviceClasses: [{ name: Premium, priority: 1 }]
domino:
  datasets:
    - { name: Fraud_Models, owner: risk, project: fraud, resourceId: 5d0c1d3e-1111-4222-8333-444455556666 }
  roles:
    - { name: writer, bucket: bank-blobs, prefix: mlflow, access: read-write }
  users: [{ user: Jane.Doe, role: writer }]
proxy:
  image: registry.bank/proxy@sha256:${"a".repeat(64)}
  replicas: 2
engines:
  - name: fraud
    type: triton
    namespace: fraud
    storage: { dataset: Fraud_Models, path: repository }
    models:
      - name: BERT_Fraud
        base: bert-base
        versions: [{ version: 1, weight: 90 }, { version: 2, weight: 10 }]
        traffic:
          - { serviceClass: Premium, slo: { latencyP95: 50ms }, load: { rate: 600/min } }
          - load: { rate: 60/min }
  - name: chat
    type: vllm
    storage: { dataset: Fraud_Models, path: llm }
    models:
      - name: llama-3-70b
        traffic:
          - serviceClass: Premium
            slo: { ttftP95: 2s, itlMean: 60ms }
            load: { rate: 6/min, inputTokens: 512, outputTokens: 128 }
  - name: draft
    type: vllm
    namespace: draft
    storage: s3://bank-models/llm
    models:
      - name: llama-3-70b
        traffic:
          - slo: { ttftP95: 3s }
            load: { rate: 6/min, inputTokens: 512, outputTokens: 100 }
          - serviceClass: Premium
            slo: { ttftP95: 2s }
            load: { rate: 2/min, inputTokens: 512, outputTokens: 300 }
`;

/** The platform above, with pieces of its text replaced; fails where one is not there exactly once. */
export function clusterSpec(
  ...changes: readonly (readonly [found: string, replacement: string])[]
): PlatformSpec {
  let text = clusterSpecText;
  for (const [found, replacement] of changes) {
    if (text.split(found).length !== 2) throw new Error(`"${found}" must occur once in the cluster spec`);
    text = text.replace(found, replacement);
  }
  return parseSpec(text, "cluster.yaml");
}
