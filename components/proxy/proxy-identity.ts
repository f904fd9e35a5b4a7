import { imageVersion, type ObjectIdentity } from "../labels.ts";

/** Port of the proxy's Service and container. One of the few that Domino's control plane may reach on nodes. */
export const proxyPort = 8443;

/** The port that gRPC servers have where nobody says another one, and that of Domino's own gRPC proxy. */
export const proxyGrpcPort = 50_051;

/** Metrics and health, in plain HTTP and in no Service: for Prometheus and the kubelet. */
export const proxyMetricsPort = 8081;

/** The reference deployment's name, which its clients have in their settings. */
export const proxyServiceName = "inference-proxy-service";

/** Secret with the serving certificate, its key and the `ca.crt` that clients verify it by. */
export const proxyTlsSecret = "inference-proxy-tls";

/** Service account of the proxy's pods. */
export const proxyAccount = "inference-proxy";

/** Who the proxy's objects are. */
export function proxyIdentity(platform: string, image?: string): ObjectIdentity {
  return {
    name: "inference-proxy",
    instance: platform,
    component: "proxy",
    ...(image === undefined ? {} : imageVersion(image)),
  };
}

/** Where clients in the cluster reach the proxy. */
export function proxyUrl(namespace: string): string {
  return `https://${proxyServiceName}.${namespace}.svc.cluster.local:${proxyPort}`;
}
