import { setTimeout } from "node:timers/promises";
import { ApiError, type ApiClient } from "./api-client.ts";
import { Discovery, type ApiResource } from "./discovery.ts";
import { groupOf, type Manifest, type ObjectKind, type ObjectMetadata } from "./manifest.ts";

/** Which object. */
export type ObjectName = ObjectKind & Pick<ObjectMetadata, "name" | "namespace">;

export interface ApplyOptions {
  /** Owner of the fields, for the server's record of who set what. */
  readonly fieldManager: string;
  /** Takes fields from other owners; without it the server refuses to. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** A kind can be defined in the same update; the API server serves it a moment later. */
const definitionMillis = 10_000;
const pollMillis = 250;

/** The objects of a cluster. */
export class ClusterObjects {
  readonly #client: ApiClient;
  readonly #discovery: Discovery;

  constructor(client: ApiClient) {
    this.#client = client;
    this.#discovery = new Discovery(client);
  }

  /** Whether objects of the kind are in namespaces; undefined for a kind that the server does not have. */
  async isNamespaced(kind: ObjectKind): Promise<boolean | undefined> {
    return (await this.#discovery.find(kind))?.namespaced;
  }

  async read(object: ObjectName): Promise<Manifest | undefined> {
    const resource = await this.#discovery.find(object);
    if (!resource) return undefined;
    try {
      return (await this.#client.call("GET", resource.path(object))) as Manifest;
    } catch (error) {
      if (ApiError.isNotFound(error)) return undefined;
      throw error;
    }
  }

  async list(
    kind: ObjectKind,
    namespace: string | undefined,
    labelSelector: string,
  ): Promise<readonly Manifest[]> {
    const resource = await this.#discovery.find(kind);
    if (!resource) return [];
    const answer = await this.#client.call("GET", resource.path({ namespace }), { query: { labelSelector } });
    return (answer as { readonly items: readonly Manifest[] }).items;
  }

  /** Creates or changes an object by server-side apply. @throws ApiError */
  async apply(manifest: Manifest, options: ApplyOptions): Promise<Manifest> {
    const resource = await this.#require(manifest, options.dryRun ? 0 : definitionMillis);
    const answer = await this.#client.call("PATCH", resource.path(manifest.metadata), {
      contentType: "application/apply-patch+yaml",
      body: manifest,
      query: {
        fieldManager: options.fieldManager,
        fieldValidation: "Strict",
        force: String(options.force),
        ...(options.dryRun ? { dryRun: "All" } : {}),
      },
    });
    return answer as Manifest;
  }

  /** Asks for an object's end, which finalizers can put off. What is gone already is fine. */
  async remove(object: ObjectName, propagationPolicy: string): Promise<void> {
    const resource = await this.#discovery.find(object);
    if (!resource) return;
    try {
      await this.#client.call("DELETE", resource.path(object), { body: { propagationPolicy } });
    } catch (error) {
      if (!ApiError.isNotFound(error)) throw error;
    }
  }

  async #require(kind: ObjectKind, patienceMillis: number): Promise<ApiResource> {
    const untilMillis = performance.now() + patienceMillis;
    for (;;) {
      const found = await this.#discovery.find(kind);
      if (found) return found;
      if (performance.now() >= untilMillis) {
        const group = groupOf(kind.apiVersion);
        throw new ApiError(404, {
          reason: "NotFound",
          message: `the API server has no kind ${kind.kind} in ${kind.apiVersion}${group.includes(".") ? "; is its definition installed?" : ""}`,
        });
      }
      await setTimeout(pollMillis);
    }
  }
}
