import { z } from "zod";
import { withAddress } from "./address-url.ts";

export type AddressFamily = "IPv4" | "IPv6";

interface NamedPort {
  /** Empty where a Service has a single port without a name. */
  readonly name: string;
  readonly port: number;
}

/** What is kept of an EndpointSlice. */
export interface SliceFacts {
  readonly name: string;
  readonly service: string;
  readonly family: AddressFamily;
  /** Addresses that take new requests. */
  readonly addresses: readonly string[];
  readonly ports: readonly NamedPort[];
}

/** What is kept of a Service. */
export interface ServiceFacts {
  readonly family: AddressFamily;
  readonly ports: readonly NamedPort[];
}

const serviceLabel = "kubernetes.io/service-name";

const sliceObject = z.object({
  metadata: z.object({ name: z.string(), labels: z.object({ [serviceLabel]: z.string() }) }),
  addressType: z.string(),
  endpoints: z
    .array(
      z.object({
        addresses: z.array(z.string()),
        conditions: z.object({ ready: z.boolean().nullish(), terminating: z.boolean().nullish() }).nullish(),
      }),
    )
    .nullish(),
  ports: z.array(z.object({ name: z.string().nullish(), port: z.int().nullish() })).nullish(),
});

const serviceObject = z.object({
  spec: z.object({
    ipFamilies: z.array(z.string()).nullish(),
    ports: z.array(z.object({ name: z.string().nullish(), port: z.int() })).nullish(),
  }),
});

/** The label selector of the slices of some Services. */
export function selectorOf(services: Iterable<string>): string {
  return `${serviceLabel} in (${[...services].toSorted().join(",")})`;
}

export function objectName(object: unknown): string | undefined {
  return z.object({ metadata: z.object({ name: z.string() }) }).safeParse(object).data?.metadata.name;
}

/** Undefined for slices of host names, and for what is no slice of a Service. */
export function readSlice(object: unknown): SliceFacts | undefined {
  const { data } = sliceObject.safeParse(object);
  if (data === undefined || (data.addressType !== "IPv4" && data.addressType !== "IPv6")) return undefined;
  const ready = (data.endpoints ?? []).filter(
    // A condition that is not given is fulfilled. Pods of Services that publish addresses before they are ready stay
    // ready while they terminate.
    ({ conditions }) => conditions?.ready !== false && conditions?.terminating !== true,
  );
  return {
    name: data.metadata.name,
    service: data.metadata.labels[serviceLabel],
    family: data.addressType,
    // Several addresses of an endpoint are the same pod.
    addresses: ready.flatMap(({ addresses }) => addresses.slice(0, 1)),
    ports: (data.ports ?? []).flatMap(({ name, port }) =>
      typeof port === "number" ? [{ name: name ?? "", port }] : [],
    ),
  };
}

export function readService(object: unknown): ServiceFacts | undefined {
  const { data } = serviceObject.safeParse(object);
  return (
    data && {
      family: data.spec.ipFamilies?.[0] === "IPv6" ? "IPv6" : "IPv4",
      ports: (data.spec.ports ?? []).map(({ name, port }) => ({ name: name ?? "", port })),
    }
  );
}

/** Base URLs of the pods of a Service. */
export interface ServiceEndpoints {
  readonly urls: readonly string[];
  /** A slice has no port that the Service's port leads to: one of the two is not up to date. */
  readonly isPortMissing: boolean;
}

/**
 * Joins the slices of one Service, sorted and each address once. Of two families only one is used, as both lead to the
 * same pods: the Service's first where it has ready addresses.
 *
 * @param port port of the Service, as in the URL
 * @param facts undefined where the Service cannot be read
 */
export function endpointsOf(
  url: string,
  port: number,
  slices: readonly SliceFacts[],
  facts: ServiceFacts | undefined,
): ServiceEndpoints {
  const filled = slices.filter(({ addresses }) => addresses.length > 0);
  const preferred = filled.filter(({ family }) => family === (facts?.family ?? "IPv4"));
  const urls = new Set<string>();
  let isPortMissing = facts === undefined && filled.length > 0;
  for (const slice of preferred.length > 0 ? preferred : filled) {
    const podPort = podPortOf(slice, port, facts);
    if (podPort === undefined) isPortMissing = true;
    else for (const address of slice.addresses) urls.add(withAddress(url, address, podPort));
  }
  return { urls: [...urls].toSorted(), isPortMissing };
}

/**
 * The pods' port in a slice: slices name their ports as the Service does. Where the Service does not say what its port
 * is called (it cannot be read, or the URL has the pods' port, as names of headless Services do), the slice's port of
 * that number, else its only one.
 */
function podPortOf({ ports }: SliceFacts, port: number, facts: ServiceFacts | undefined): number | undefined {
  const named = facts?.ports.find((one) => one.port === port);
  if (named) return ports.find(({ name }) => name === named.name)?.port;
  return (ports.find((one) => one.port === port) ?? (ports.length === 1 ? ports[0] : undefined))?.port;
}
