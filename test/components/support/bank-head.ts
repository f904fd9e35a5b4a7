/** A stack beside a cluster, down to its engines: what specs of one engine have in common. */
export const bankHead = `apiVersion: domino-inference/v1
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
`;

/** Lines of YAML, so deep. */
export function indented(spaces: number, lines: readonly string[]): string {
  return lines.map((line) => " ".repeat(spaces) + line).join("\n");
}
