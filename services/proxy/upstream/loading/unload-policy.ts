import type { RouteModel, RouteServer } from "../../../../platform/routes/routing-table.ts";

/** What the routing table says of how models leave an endpoint of a server. */
export class UnloadPolicy {
  /** Infinity without a limit. */
  readonly maxLoaded: number;
  /** Infinity where models stay. */
  readonly idleMs: number;
  readonly #models: ReadonlyMap<string, RouteModel>;
  readonly #anyModel: boolean;

  /** Without a server, which is one that the table does not have any more, nothing is unloaded. */
  constructor(server: RouteServer | undefined) {
    this.maxLoaded = server?.unloading?.maxLoaded ?? Infinity;
    this.idleMs = (server?.unloading?.idleSeconds ?? Infinity) * 1000;
    this.#models = new Map(server?.models.map((model) => [model.name, model]));
    this.#anyModel = server?.anyModel !== undefined;
  }

  get limited(): boolean {
    return this.maxLoaded < Infinity;
  }

  lists(model: string): boolean {
    return this.#models.has(model);
  }

  /** Of a model that this proxy has loaded, or found and taken for one of the table's. */
  mayUnload(model: string): boolean {
    const listed = this.#models.get(model);
    return listed ? listed.pinned !== true : this.#anyModel;
  }
}
