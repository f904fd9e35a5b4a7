import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import type * as pulumi from "@pulumi/pulumi";
import type { networking } from "@pulumi/kubernetes/types/input.js";
import { namespaceNamed } from "../cluster/namespace-label.ts";

/** Who speaks with the pods of an add-on, besides each other. */
export interface AddonTraffic {
  /** Ports at which the API server asks: of webhooks and of APIs that the add-on adds. */
  readonly fromApiServer: readonly number[];
  /**
   * Pods that ask.
   * @default none
   */
  readonly fromPods?: readonly {
    readonly peers: readonly networking.v1.NetworkPolicyPeer[];
    readonly port: number;
  }[];
  /**
   * Whether it asks pods of any namespace, as what measures them does.
   * @default it asks the API server alone
   */
  readonly toAnyPod?: boolean;
}

/** All pods of a cluster. */
export const anyPod: networking.v1.NetworkPolicyPeer = { namespaceSelector: {} };

/** The instance's metadata would hand out the role of its node. */
const outside: networking.v1.NetworkPolicyPeer = {
  ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] },
};

const dnsPort = 53;
const httpsPort = 443;

/** Denies all that nobody needs in a namespace of an add-on, before its pods are there. */
export function addonPolicies(
  name: string,
  namespace: string,
  labels: Readonly<Record<string, string>>,
  traffic: AddonTraffic,
  options: pulumi.CustomResourceOptions,
): readonly NetworkPolicy[] {
  const policy = (role: string, spec: networking.v1.NetworkPolicySpec) =>
    new NetworkPolicy(
      `${name}-${role}`,
      { metadata: { name: role, namespace, labels: { ...labels } }, spec },
      options,
    );
  const tcp = (port: number) => ({ protocol: "TCP", port });
  const own = { podSelector: {} };
  return [
    policy("default-deny", { podSelector: {}, policyTypes: ["Ingress", "Egress"] }),
    policy("allow-addon", {
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { from: [own] },
        // The addresses of EKS's control plane are not known; its security group lets nobody else in from outside.
        { ports: traffic.fromApiServer.map(tcp) },
        ...(traffic.fromPods ?? []).map(({ peers, port }) => ({ from: [...peers], ports: [tcp(port)] })),
      ],
      egress: [
        { to: [own] },
        {
          to: [
            {
              namespaceSelector: namespaceNamed("kube-system"),
              podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
            },
          ],
          ports: [{ protocol: "UDP", port: dnsPort }, tcp(dnsPort)],
        },
        // The API server, whose addresses are not known either.
        { to: [outside], ports: [tcp(httpsPort)] },
        ...(traffic.toAnyPod ? [{ to: [anyPod] }] : []),
      ],
    }),
  ];
}
