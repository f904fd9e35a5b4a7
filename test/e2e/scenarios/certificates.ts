import type { Cluster } from "../cluster.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";
import { ControllerLoop } from "./controller-loop.ts";

/**
 * What cert-manager does with certificates, as far as others wait for it: issuers and certificates turn Ready, and a
 * certificate's Secret appears. Nothing is signed: no pod here reads the Secret.
 */
export function issueCertificates(cluster: Cluster): ControllerLoop {
  const { api } = cluster;
  return new ControllerLoop(async () => {
    for (const kind of ["Issuer", "Certificate"]) {
      for (const object of await api.list("cert-manager.io/v1", kind)) {
        if (isReady(object)) continue;
        if (kind === "Certificate") await api.apply(secretOf(object));
        const condition = {
          type: "Ready",
          status: "True",
          reason: "Ready",
          message: "by the test bed",
          lastTransitionTime: new Date().toISOString(),
        };
        await api.merge(object, { status: { conditions: [condition] } }, "/status");
      }
    }
  });
}

function isReady(object: KubernetesObject): boolean {
  const conditions = (object["status"]?.conditions ?? []) as readonly { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

function secretOf({ metadata, spec }: KubernetesObject): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: spec.secretName,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    },
    type: "kubernetes.io/tls",
    data: { "tls.crt": "", "tls.key": "" },
  };
}
