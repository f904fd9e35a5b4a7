import { serviceNamespace } from "../routes/cluster-address.ts";

/** Namespace of a Prometheus that is asked by the name of its Service; nothing where it is asked by another. */
export function prometheusNamespace(address: string): string | undefined {
  return serviceNamespace(new URL(address));
}
