import * as pulumi from "@pulumi/pulumi";
import { Role, RoleBinding } from "@pulumi/kubernetes/rbac/v1/index.js";
import { childOptions } from "../child-options.ts";
import { proxyAccount } from "./proxy-identity.ts";

export interface ProxyAccessArgs {
  readonly namespace: string;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /** Namespaces of the engines whose pods the proxy looks for. */
  readonly engineNamespaces: readonly string[];
}

/** What the API server tells the proxy: which pods are behind the Services of engines, and nothing else. */
export class ProxyAccess extends pulumi.ComponentResource {
  constructor(name: string, args: ProxyAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:proxy:ProxyAccess", name, {}, opts);
    const child = childOptions(this, opts);
    const metadata = (namespace: string) => ({
      // Platforms may share a namespace of engines, and each has a proxy of its own.
      name: namespace === args.namespace ? proxyAccount : `${proxyAccount}-of-${args.namespace}`,
      namespace,
      labels: { ...args.labels },
    });

    for (const namespace of args.engineNamespaces) {
      const own = metadata(namespace);
      const role = new Role(
        `${name}-${namespace}-role`,
        {
          metadata: own,
          rules: [
            {
              apiGroups: ["discovery.k8s.io"],
              resources: ["endpointslices"],
              verbs: ["list", "watch"],
            },
            { apiGroups: [""], resources: ["services"], verbs: ["get"] },
          ],
        },
        child,
      );
      new RoleBinding(
        `${name}-${namespace}-binding`,
        {
          metadata: own,
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: own.name },
          subjects: [{ kind: "ServiceAccount", name: proxyAccount, namespace: args.namespace }],
        },
        { ...child, dependsOn: [role] },
      );
    }

    this.registerOutputs({});
  }
}
