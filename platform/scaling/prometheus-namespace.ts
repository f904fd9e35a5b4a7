/**
 * Namespace of a Prometheus that is asked by the name of its Service, such as
 * `http://prometheus-operated.monitoring.svc:9090`. Nothing where the name is not one of the cluster's: then it is
 * outside, or behind something that is.
 */
export function prometheusNamespace(address: string): string | undefined {
  const [service, namespace, kind, ...rest] = new URL(address).hostname.split(".");
  const isService = kind === "svc" && (rest.length === 0 || rest.join(".") === "cluster.local");
  return service && namespace && isService ? namespace : undefined;
}
