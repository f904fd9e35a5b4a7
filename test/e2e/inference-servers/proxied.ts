import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { RouteServer, RouteVersion } from "../../../platform/routes/routing-table.ts";
import { startProxy } from "../../../services/proxy/server.ts";
import type { ServerUnderTest } from "./server-under-test.ts";

export interface RunningProxied extends ServerUnderTest {
  stop(): Promise<void>;
}

/** Starts the project's proxy in front of servers. */
export async function startProxied(...servers: readonly RouteServer[]): Promise<RunningProxied> {
  const folder = await mkdtemp(join(tmpdir(), "proxied-"));
  const routesFile = join(folder, "routes.json");
  const table = { apiVersion: "domino-inference/v1", kind: "RoutingTable", servers };
  await writeFile(routesFile, JSON.stringify(table));
  const proxy = await startProxy({
    routesFile,
    auth: { kind: "none" },
    log: pino({ level: "silent" }),
    port: 0,
  });
  return {
    url: proxy.url,
    async stop() {
      await proxy.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface RoutedServer extends Pick<RouteServer, "name" | "type" | "protocol"> {
  readonly loading?: RouteServer["loading"];
  /** Versions of each model, the one that gets all requests without a version last. */
  readonly models: Readonly<Record<string, readonly string[]>>;
  readonly endpoints: readonly string[];
}

/** The routes to a server whose models all run at the same endpoints, in the service class `Free`. */
export function routesTo({ models, endpoints, loading = "preload", ...server }: RoutedServer): RouteServer {
  const target = { group: server.name, serviceClasses: ["Free"], endpoints, timeoutMs: 60_000 };
  return {
    ...server,
    loading,
    models: Object.entries(models).map(([name, versions]) => ({
      name,
      versions: versions.map((version, index): RouteVersion => ({
        version,
        weight: index === versions.length - 1 ? 100 : 0,
        targets: [target],
      })),
    })),
  };
}
