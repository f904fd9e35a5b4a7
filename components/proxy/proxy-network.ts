import * as pulumi from "@pulumi/pulumi";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import type { networking } from "@pulumi/kubernetes/types/input.js";
import { serviceNamespace } from "../../platform/routes/cluster-address.ts";
import { childOptions } from "../child-options.ts";
import { namespaceNamed } from "../cluster/namespace-label.ts";
import { dominoNamespaces } from "../domino/domino-namespaces.ts";

/** Engines that the proxy sends to: one type in one namespace. */
export interface ProxyTarget {
  readonly namespace: string;
  /** Labels of the engines' pods. */
  readonly labels: Readonly<Record<string, string>>;
  /** HTTP, and gRPC where the proxy sends it. */
  readonly ports: readonly number[];
}

export interface ProxyNetworkArgs {
  readonly namespace: string;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of the proxy's pods. */
  readonly podLabels: Readonly<Record<string, string>>;
  readonly targets: readonly ProxyTarget[];
  /** Ports that clients send requests to. */
  readonly requestPorts: readonly number[];
  readonly metricsPort: number;
  /** Whether Domino's API says whose key a request carries. */
  readonly asksDomino: boolean;
  /** Addresses of what else the proxy asks or tells: an issuer's keys, a collector of spans. */
  readonly addresses: readonly string[];
  /** Whether the proxy asks the API server for the pods of engines. */
  readonly discovers: boolean;
}

/**
 * Ports of Domino's API: of its Service, and of the pods behind it, since policies see the address after the Service
 * was resolved.
 */
const nucleusPorts = [80, 9000];

/** Port of the pods behind Keycloak's Service, which has port 80. */
const keycloakPodPort = 8080;

/** Where an API server's address can be: EKS puts it into subnets of the cluster, which need not be those of its nodes. */
const privateAddresses = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/** Would hand out the node's role. */
const instanceMetadata = "169.254.169.254/32";

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

    const policy = (
      role: string,
      objectName: string,
      rules: Omit<networking.v1.NetworkPolicySpec, "podSelector">,
    ) =>
      new NetworkPolicy(
        `${name}-${role}`,
        { metadata: metadata(objectName), spec: { podSelector, ...rules } },
        child,
      );

    policy("from-domino", "inference-proxy-from-domino", {
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [{ namespaceSelector: namespaceNamed(dominoNamespaces.compute) }],
          ports: tcp(args.requestPorts),
        },
      ],
    });

    policy("from-monitoring", "inference-proxy-from-monitoring", {
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: namespaceNamed(dominoNamespaces.platform),
              podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
            },
          ],
          ports: tcp([args.metricsPort]),
        },
      ],
    });

    policy("to-upstreams", "inference-proxy-to-upstreams", {
      policyTypes: ["Egress"],
      egress: [
        ...args.targets.map((target) => ({
          to: [
            {
              namespaceSelector: namespaceNamed(target.namespace),
              podSelector: { matchLabels: { ...target.labels } },
            },
          ],
          ports: tcp(target.ports),
        })),
        ...(args.asksDomino
          ? [
              {
                // Domino's API, which says whose key a request carries.
                to: [{ namespaceSelector: namespaceNamed(dominoNamespaces.platform) }],
                ports: tcp(nucleusPorts),
              },
            ]
          : []),
        ...args.addresses.map(egressTo),
        ...(args.discovers
          ? [{ to: privateAddresses.map((cidr) => ({ ipBlock: { cidr } })), ports: tcp([443]) }]
          : []),
      ],
    });

    this.registerOutputs({});
  }
}

/** By the namespace where the address is a Service, which has no address that pods see; else anywhere outside. */
function egressTo(address: string): networking.v1.NetworkPolicyEgressRule {
  const url = new URL(address);
  const namespace = serviceNamespace(url);
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return namespace === undefined
    ? { to: [{ ipBlock: { cidr: "0.0.0.0/0", except: [instanceMetadata] } }], ports: tcp([port]) }
    : {
        to: [{ namespaceSelector: namespaceNamed(namespace) }],
        ports: tcp(isKeycloak(url) ? [port, keycloakPodPort] : [port]),
      };
}

/** Whether an address is Domino's own Keycloak's. */
export function isKeycloak(url: URL): boolean {
  return url.hostname.startsWith("keycloak") && serviceNamespace(url) === dominoNamespaces.platform;
}

function tcp(ports: readonly number[]): { protocol: string; port: number }[] {
  return ports.map((port) => ({ protocol: "TCP", port }));
}
