import * as pulumi from "@pulumi/pulumi";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import { childOptions } from "../child-options.ts";
import { namespaceNamed } from "../cluster/namespace-label.ts";
import { dominoNamespaces } from "../domino/domino-namespaces.ts";
import { proxyPort } from "./proxy-identity.ts";

/** Engines that the proxy sends to: one type in one namespace. */
export interface ProxyTarget {
  readonly namespace: string;
  /** Labels of the engines' pods. */
  readonly labels: Readonly<Record<string, string>>;
  readonly port: number;
}

export interface ProxyNetworkArgs {
  readonly namespace: string;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of the proxy's pods. */
  readonly podLabels: Readonly<Record<string, string>>;
  readonly targets: readonly ProxyTarget[];
}

/**
 * Ports of Domino's API: of its Service, and of the pods behind it, since policies see the address after the Service
 * was resolved.
 */
const nucleusPorts = [80, 9000];

/** Who may reach the proxy and what it may reach, beyond the namespace's default deny. */
export class ProxyNetwork extends pulumi.ComponentResource {
  constructor(name: string, args: ProxyNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:proxy:ProxyNetwork", name, {}, opts);
    const child = childOptions(this, opts);
    const metadata = (objectName: string) => ({
      name: objectName,
      namespace: args.namespace,
      labels: { ...args.labels },
    });
    const podSelector = { matchLabels: { ...args.podLabels } };

    new NetworkPolicy(
      `${name}-from-domino`,
      {
        metadata: metadata("inference-proxy-from-domino"),
        spec: {
          podSelector,
          policyTypes: ["Ingress"],
          ingress: [
            {
              from: [{ namespaceSelector: namespaceNamed(dominoNamespaces.compute) }],
              ports: [{ protocol: "TCP", port: proxyPort }],
            },
          ],
        },
      },
      child,
    );

    new NetworkPolicy(
      `${name}-to-upstreams`,
      {
        metadata: metadata("inference-proxy-to-upstreams"),
        spec: {
          podSelector,
          policyTypes: ["Egress"],
          egress: [
            ...args.targets.map((target) => ({
              to: [
                {
                  namespaceSelector: namespaceNamed(target.namespace),
                  podSelector: { matchLabels: { ...target.labels } },
                },
              ],
              ports: [{ protocol: "TCP", port: target.port }],
            })),
            {
              // Domino's API, which says whose key a request carries.
              to: [{ namespaceSelector: namespaceNamed(dominoNamespaces.platform) }],
              ports: nucleusPorts.map((port) => ({ protocol: "TCP", port })),
            },
          ],
        },
      },
      child,
    );

    this.registerOutputs({});
  }
}
