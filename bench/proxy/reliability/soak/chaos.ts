import { rename, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { RouteModel, RouteServer, RoutingTable } from "../../../../platform/routes/routing-table.ts";
import type { SoakedEngine } from "./soaked-engine.ts";
import { chatModel, statefulModel, tabularModel } from "./traffic.ts";

export interface ChaosReport {
  readonly reloads: number;
  readonly kills: number;
  readonly drains: number;
  readonly slowSpells: number;
}

/** What happens to the engines, step after step: at most one is out of the table, one dead and one slow at a time. */
export class Chaos {
  /** On the clock of `performance.now()`. */
  readonly killedAtMs: number[] = [];
  #drains = 0;
  #slowSpells = 0;
  #reloads = 0;
  readonly #engines: readonly SoakedEngine[];
  readonly #routesFile: string;
  readonly #proxyUrl: string;

  constructor(engines: readonly SoakedEngine[], routesFile: string, proxyUrl: string) {
    this.#engines = engines;
    this.#routesFile = routesFile;
    this.#proxyUrl = proxyUrl;
  }

  get report(): ChaosReport {
    const [kills, drains] = [this.killedAtMs.length, this.#drains];
    return { reloads: this.#reloads, kills, drains, slowSpells: this.#slowSpells };
  }

  /** Returns once the proxy uses the new table. */
  async step(step: number): Promise<void> {
    const at = (offset: number): SoakedEngine =>
      this.#engines[(step + offset) % this.#engines.length] as SoakedEngine;
    for (const engine of this.#engines) {
      engine.slow = false;
      if (!engine.running) await engine.start();
    }
    if (step % 2 === 0) {
      at(1).slow = true;
      this.#slowSpells++;
    }
    const drained = at(0);
    this.#drains++;
    await writeRoutes(
      this.#routesFile,
      this.#engines.filter((engine) => engine !== drained),
    );
    await this.#reloaded();
    // The slow one half of the times: it has most requests in the middle of their answers.
    if (step % 3 === 0) {
      this.killedAtMs.push(performance.now());
      await at(step % 2 === 0 ? 1 : 2).kill();
    }
  }

  async #reloaded(): Promise<void> {
    this.#reloads++;
    for (;;) {
      const text = await (await fetch(`${this.#proxyUrl}/metrics`)).text();
      const count = Number(/^inference_route_reloads_total (\d+)/m.exec(text)?.[1]);
      // The first table counts too.
      if (count > this.#reloads) return;
      await delay(10);
    }
  }
}

/** Replaces the routing table at once, as the swap of a ConfigMap does. */
export async function writeRoutes(file: string, engines: readonly SoakedEngine[]): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(tableOf(engines.map(({ url }) => url))));
  await rename(`${file}.new`, file);
}

function tableOf(endpoints: readonly string[]): RoutingTable {
  const target = { group: "group", serviceClasses: ["Free"], endpoints, timeoutMs: 15_000 };
  const model = (name: string, changes: Partial<RouteModel> = {}): RouteModel => ({
    name,
    versions: [{ version: "1", weight: 100, targets: [target] }],
    ...changes,
  });
  const server = (
    name: string,
    type: string,
    protocol: RouteServer["protocol"],
    models: RouteModel[],
  ): RouteServer => ({
    ...{ name, type, protocol, models },
    loading: "preload",
  });
  return {
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    serviceClasses: ["Free"],
    servers: [
      server("chat", "vllm", "openai", [model(chatModel)]),
      server("tabular", "triton", "open-inference-v2", [
        model(statefulModel, { stateful: true }),
        model(tabularModel),
      ]),
    ],
  };
}
