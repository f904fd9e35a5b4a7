import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** How the API server is reached. Both texts are read for every connection: the kubelet renews them in place. */
export interface KubernetesAccess {
  /** `https` URL without a trailing slash. */
  readonly server: string;
  /** PEM. */
  certificateAuthority(): Promise<string>;
  token(): Promise<string>;
}

/** Where the kubelet mounts the account of a pod. */
const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Access as the pod's service account; outside a pod it leads nowhere, and every use of it fails. */
export function inClusterAccess(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  folder: string = accountFolder,
): KubernetesAccess {
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "kubernetes.default.svc";
  const port = environment["KUBERNETES_SERVICE_PORT_HTTPS"] ?? "443";
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    certificateAuthority: () => readFile(join(folder, "ca.crt"), "utf8"),
    token: async () => (await readFile(join(folder, "token"), "utf8")).trim(),
  };
}
