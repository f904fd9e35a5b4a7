import type { RecordedResource } from "./resources-of.ts";

/** A pod, by what policies see of it. */
export interface Pod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** One end of a connection: a pod, or an IPv4 address outside the pod network. */
export type End = Pod | { readonly address: string };

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: unknown;
}
interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol?: string; readonly port?: number | string }[];
}
interface Policy {
  readonly namespace: string;
  readonly podSelector: Selector;
  readonly policyTypes: readonly string[];
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
}

/**
 * What rendered NetworkPolicies let through, by the rules of the Kubernetes API: a pod that any policy of a direction
 * selects may only do what one of them allows; both ends must agree.
 */
export class Reachability {
  readonly #policies: readonly Policy[];
  readonly #namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>;

  constructor(resources: readonly RecordedResource[]) {
    this.#policies = resources
      .filter(({ type }) => type.endsWith(":NetworkPolicy"))
      .map(({ inputs }) => ({
        namespace: inputs.metadata.namespace,
        podSelector: inputs.spec.podSelector,
        policyTypes: inputs.spec.policyTypes,
        ingress: inputs.spec.ingress ?? [],
        egress: inputs.spec.egress ?? [],
      }));
    this.#namespaceLabels = new Map(
      resources
        .filter(({ type }) => type.endsWith(":Namespace"))
        .map(({ inputs }) => [inputs.metadata.name, inputs.metadata.labels]),
    );
  }

  may(from: End, to: End, port: number, protocol: "TCP" | "UDP" = "TCP"): boolean {
    return (
      this.#allows("Egress", from, to, port, protocol) && this.#allows("Ingress", to, from, port, protocol)
    );
  }

  #allows(direction: "Egress" | "Ingress", self: End, other: End, port: number, protocol: string): boolean {
    if ("address" in self) return true;
    const applying = this.#policies.filter(
      (policy) =>
        policy.namespace === self.namespace &&
        policy.policyTypes.includes(direction) &&
        matches(policy.podSelector, self.labels),
    );
    if (applying.length === 0) return true;
    return applying.some((policy) => {
      const rules = direction === "Egress" ? policy.egress : policy.ingress;
      return rules.some(
        (rule) =>
          (rule.ports === undefined ||
            rule.ports.some((one) => one.port === port && (one.protocol ?? "TCP") === protocol)) &&
          this.#peersMatch(direction === "Egress" ? rule.to : rule.from, other, policy.namespace),
      );
    });
  }

  #peersMatch(peers: readonly Peer[] | undefined, other: End, policyNamespace: string): boolean {
    if (peers === undefined) return true;
    return peers.some((peer) => {
      if (peer.ipBlock) {
        if (!("address" in other)) return false;
        const { cidr, except = [] } = peer.ipBlock;
        return inCidr(other.address, cidr) && !except.some((range) => inCidr(other.address, range));
      }
      if ("address" in other) return false;
      const namespaceMatches = peer.namespaceSelector
        ? matches(peer.namespaceSelector, this.#labelsOf(other.namespace))
        : other.namespace === policyNamespace;
      return namespaceMatches && (!peer.podSelector || matches(peer.podSelector, other.labels));
    });
  }

  #labelsOf(namespace: string): Readonly<Record<string, string>> {
    return { "kubernetes.io/metadata.name": namespace, ...this.#namespaceLabels.get(namespace) };
  }
}

/** The pods that the Deployments of a program make, by name. */
export function podsOf(resources: readonly RecordedResource[]): ReadonlyMap<string, Pod> {
  return new Map(
    resources
      .filter(({ type }) => type.endsWith(":Deployment"))
      .map(({ inputs }) => [
        inputs.metadata.name,
        { namespace: inputs.metadata.namespace, labels: inputs.spec.template.metadata.labels },
      ]),
  );
}

function matches(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  if (selector.matchExpressions !== undefined) throw new Error("matchExpressions are not evaluated here");
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

function inCidr(address: string, cidr: string): boolean {
  const [base = "", length = "32"] = cidr.split("/");
  const size = 2 ** (32 - Number(length));
  return Math.floor(toNumber(address) / size) === Math.floor(toNumber(base) / size);
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
