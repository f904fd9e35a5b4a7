import type { Registry } from "prom-client";
import type { DiscoveryState } from "../discovery/endpoint-discovery.ts";
import { registerRead, type MetricType } from "./read-metric.ts";

/**
 * Adds how the discovered URLs of the routing table stand. Before its first answer a URL has neither addresses nor an
 * age: a zero would be an alarm at every start.
 *
 * @param states of the table in use, so that series go with their URLs
 */
export function registerDiscovery(registry: Registry, states: () => readonly DiscoveryState[]): void {
  const register = (
    name: string,
    type: MetricType,
    help: string,
    read: (state: DiscoveryState) => number | undefined,
  ): void =>
    registerRead(registry, name, type, help, () =>
      states().flatMap((state) => {
        const value = read(state);
        return value === undefined ? [] : [{ value, labels: { discovery: state.kind, url: state.url } }];
      }),
    );
  register(
    "inference_discovered_endpoints",
    "gauge",
    "Addresses in use of a discovered URL of the routing table.",
    ({ addressCount }) => addressCount,
  );
  register(
    "inference_discovery_age_seconds",
    "gauge",
    "Time since the name servers or the API server last answered for a discovered URL.",
    ({ ageSeconds }) => ageSeconds,
  );
  register(
    "inference_discovery_failures_total",
    "counter",
    "Looks for the addresses of a discovered URL that got no answer.",
    ({ failedLooks }) => failedLooks,
  );
}
