interface Conditions {
  readonly ready?: boolean | null;
  readonly serving?: boolean | null;
  readonly terminating?: boolean | null;
}

interface Port {
  readonly name?: string;
  readonly port: number;
}

export const namespace = "inference";

/** An EndpointSlice of a Service: addresses with their conditions. */
export function sliceObject(
  name: string,
  service: string,
  endpoints: readonly (readonly [address: string, conditions?: Conditions])[],
  ports: readonly Port[] = [{ name: "http", port: 8_000 }],
) {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, namespace, labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    endpoints: endpoints.map(([address, conditions]) => ({
      addresses: [address],
      ...(conditions && { conditions }),
    })),
    ports,
  };
}

/** A Service without a selector, so that its slices are the test's. */
export function serviceObject(name: string, ports: readonly Port[] = [{ name: "http", port: 80 }]) {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { ports } };
}
