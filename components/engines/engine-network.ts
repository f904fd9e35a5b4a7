import * as pulumi from "@pulumi/pulumi";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import type { networking } from "@pulumi/kubernetes/types/input.js";
import { childOptions } from "../child-options.ts";
import { namespaceNamed } from "../cluster/namespace-label.ts";
import { dominoNamespaces } from "../domino/domino-namespaces.ts";
import type { PodPeer } from "./engine-args.ts";
import type { ModelSource } from "./model-source.ts";

export interface EngineNetworkArgs {
  /** Name of the replica group: begins the policies' names. */
  readonly group: string;
  readonly namespace: string;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of the pods that the policies are for. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Ports of the API: HTTP, and gRPC where the engine has it. */
  readonly apiPorts: readonly number[];
  readonly metricsPort: number;
  /** The pods that may send requests. */
  readonly proxy: PodPeer;
  /** Where the models come from: decides what the pods may reach. */
  readonly models: ModelSource;
}

/** What the pods of a replica group may be reached by and may reach, beyond the namespace's default deny. */
export class EngineNetwork extends pulumi.ComponentResource {
  constructor(name: string, args: EngineNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:EngineNetwork", name, {}, opts);
    const child = childOptions(this, opts);
    const policy = (role: string, rules: Omit<networking.v1.NetworkPolicySpec, "podSelector">) =>
      new NetworkPolicy(
        `${name}-${role}`,
        {
          metadata: { name: `${args.group}-${role}`, namespace: args.namespace, labels: { ...args.labels } },
          spec: { podSelector: { matchLabels: { ...args.podLabels } }, ...rules },
        },
        child,
      );

    // Engines authenticate nobody, and whoever reaches their API may load models and with them code. Only the proxy
    // does.
    policy("from-proxy", {
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: namespaceNamed(args.proxy.namespace),
              podSelector: { matchLabels: { ...args.proxy.labels } },
            },
          ],
          ports: args.apiPorts.map((port) => ({ protocol: "TCP", port })),
        },
      ],
    });

    // By the label that the charts of Prometheus give it, because some engines serve metrics on the port of their API.
    policy("from-monitoring", {
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            {
              namespaceSelector: namespaceNamed(dominoNamespaces.platform),
              podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } },
            },
          ],
          ports: [{ protocol: "TCP", port: args.metricsPort }],
        },
      ],
    });

    const egress = modelEgress(args.models);
    if (egress.length > 0) policy("to-models", { policyTypes: ["Egress"], egress });

    this.registerOutputs({});
  }
}

function modelEgress(models: ModelSource): networking.v1.NetworkPolicyEgressRule[] {
  switch (models.kind) {
    case "s3":
      // S3, STS and KMS. AWS publishes no addresses for them but ranges that change and hold most of its services, and
      // VPC endpoints may answer from private addresses; the role is what narrows this down to one prefix.
      return [anyHttps];
    case "hugging-face":
      // The hub and its content network, which have no fixed addresses.
      return [anyHttps];
    case "volume":
      // Drivers mount from the node's own network, which policies for pods do not govern; this rule is for network
      // plugins that count a volume's traffic as its pod's. Nothing else listens on the ports in these subnets.
      return models.fileSystem
        ? [
            {
              to: models.fileSystem.cidrs.map((cidr) => ({ ipBlock: { cidr } })),
              ports: models.fileSystem.ports.map((port) => ({ protocol: "TCP", ...port })),
            },
          ]
        : [];
    case "image":
      return [];
  }
}

/** Only the instance metadata is known and left out: it would hand out the node's role. */
const anyHttps: networking.v1.NetworkPolicyEgressRule = {
  to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] } }],
  ports: [{ protocol: "TCP", port: 443 }],
};
