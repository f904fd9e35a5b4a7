import type { Logger } from "pino";
import type { EndpointSource, FollowedUrl } from "./endpoint-source.ts";
import { inClusterAccess, type KubernetesAccess } from "./kubernetes-access.ts";
import { KubernetesApi } from "./kubernetes-api.ts";
import { NamespaceSlices, type NamespaceSlicesOptions } from "./namespace-slices.ts";
import { serviceAddressOf } from "./service-address.ts";

export interface EndpointSliceDiscoveryOptions {
  readonly log: Logger;
  /** @default as the service account of the pod */
  readonly access?: KubernetesAccess;
  /** @default `performance.now()` */
  readonly nowMs?: () => number;
  /** @default that of the `WatchedCollection` */
  readonly firstPauseMs?: number;
}

/**
 * The ready pods of Services, by watching their EndpointSlices: one watch a namespace. Replicas that come or go are known
 * within milliseconds, and terminating ones get no new requests. The API server is believed at once, an empty list
 * included. In the namespaces of the Services it needs `list` and `watch` of `endpointslices` in `discovery.k8s.io`, and
 * `get` of `services`.
 */
export class EndpointSliceDiscovery implements EndpointSource {
  readonly #options: NamespaceSlicesOptions;
  readonly #namespaces = new Map<string, NamespaceSlices>();

  constructor({ log, access = inClusterAccess(), nowMs, firstPauseMs }: EndpointSliceDiscoveryOptions) {
    this.#options = {
      api: new KubernetesApi(access),
      log,
      nowMs: nowMs ?? (() => performance.now()),
      ...(firstPauseMs !== undefined && { firstPauseMs }),
    };
  }

  follow(url: string, changed: (addresses: readonly string[]) => void): FollowedUrl {
    const address = serviceAddressOf(url);
    if (address === undefined) {
      this.#options.log.error({ url }, "not the name of a Service, its host stands for itself");
      queueMicrotask(() => changed([url]));
      const { nowMs } = this.#options;
      return {
        get confirmedAtMs() {
          return nowMs();
        },
        failedLooks: 0,
        close: () => {},
      };
    }
    const { namespace } = address;
    const slices = this.#namespaces.get(namespace) ?? new NamespaceSlices(namespace, this.#options);
    this.#namespaces.set(namespace, slices);
    const followed = slices.follow(url, address, changed);
    return {
      get confirmedAtMs() {
        return followed.confirmedAtMs;
      },
      get failedLooks() {
        return followed.failedLooks;
      },
      close: () => {
        followed.close();
        if (slices.isEmpty && this.#namespaces.get(namespace) === slices) this.#namespaces.delete(namespace);
      },
    };
  }

  close(): void {
    for (const slices of this.#namespaces.values()) slices.close();
    this.#namespaces.clear();
  }
}
