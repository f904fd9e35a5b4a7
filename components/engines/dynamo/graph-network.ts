import * as pulumi from "@pulumi/pulumi";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import type { networking } from "@pulumi/kubernetes/types/input.js";
import { childOptions } from "../../child-options.ts";
import { namespaceNamed } from "../../cluster/namespace-label.ts";
import type { PodPeer } from "../engine-args.ts";
import type { ModelSource } from "../model-source.ts";

export interface GraphNetworkArgs {
  /** Name of the graph: begins the policies' names. */
  readonly graph: string;
  readonly namespace: string;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of all pods of the graph. */
  readonly podLabels: Readonly<Record<string, string>>;
  readonly frontend: { readonly podLabels: Readonly<Record<string, string>>; readonly port: number };
  /** The pods that may send requests. */
  readonly proxy: PodPeer;
  /** Where the workers' models come from. */
  readonly models: ModelSource;
  /** Ports of servers elsewhere in the cluster that the graph speaks with, such as NATS or Model Express. */
  readonly serverPorts: readonly number[];
}

/**
 * What the pods of a graph may be reached by and may reach, beyond the namespace's default deny. The proxy reaches the
 * frontends and no worker: a worker does what it is told by anybody.
 */
export class GraphNetwork extends pulumi.ComponentResource {
  constructor(name: string, args: GraphNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:GraphNetwork", name, {}, opts);
    const child = childOptions(this, opts);
    const policy = (role: string, of: Readonly<Record<string, string>>, rules: Rules) =>
      new NetworkPolicy(
        `${name}-${role}`,
        {
          metadata: { name: `${args.graph}-${role}`, namespace: args.namespace, labels: { ...args.labels } },
          spec: { podSelector: { matchLabels: { ...of } }, ...rules },
        },
        child,
      );

    policy("from-proxy", args.frontend.podLabels, {
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: namespaceNamed(args.proxy.namespace),
              podSelector: { matchLabels: { ...args.proxy.labels } },
            },
          ],
          ports: [{ protocol: "TCP", port: args.frontend.port }],
        },
      ],
    });

    // Requests, answers, events and caches go over ports that the processes choose.
    const own: networking.v1.NetworkPolicyPeer = { podSelector: { matchLabels: { ...args.podLabels } } };
    policy("within-graph", args.podLabels, {
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [own] }],
      egress: [{ to: [own] }],
    });

    policy("to-servers", args.podLabels, {
      policyTypes: ["Egress"],
      egress: [
        {
          // The API server, by which pods of a graph find each other; it has no pods and no fixed address. Hubs of models
          // too, where workers fetch from one.
          to: [{ ipBlock: { cidr: "0.0.0.0/0", except: [instanceMetadata] } }],
          ports: [{ protocol: "TCP", port: 443 }],
        },
        ...(args.serverPorts.length > 0
          ? [
              {
                to: [{ namespaceSelector: {} }],
                ports: args.serverPorts.map((port) => ({ protocol: "TCP", port })),
              },
            ]
          : []),
        ...fileSystemEgress(args.models),
      ],
    });

    this.registerOutputs({});
  }
}

type Rules = Omit<networking.v1.NetworkPolicySpec, "podSelector">;

/** Would hand out the node's role. */
const instanceMetadata = "169.254.169.254/32";

/** For network plugins that count a volume's traffic as its pod's; the driver mounts from the node's own network. */
function fileSystemEgress(models: ModelSource): networking.v1.NetworkPolicyEgressRule[] {
  if (models.kind !== "volume" || !models.fileSystem) return [];
  return [
    {
      to: models.fileSystem.cidrs.map((cidr) => ({ ipBlock: { cidr } })),
      ports: models.fileSystem.ports.map((port) => ({ protocol: "TCP", ...port })),
    },
  ];
}
