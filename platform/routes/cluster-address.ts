/**
 * Namespace of the Service that an address names, such as `http://collector.observability.svc:4318`. Nothing where the
 * host is not one of the cluster's names: then it is outside, or behind something that is.
 */
export function serviceNamespace({ hostname }: URL): string | undefined {
  const [service, namespace, kind, ...rest] = hostname.split(".");
  const isService = kind === "svc" && (rest.length === 0 || rest.join(".") === "cluster.local");
  return service && namespace && isService ? namespace : undefined;
}
