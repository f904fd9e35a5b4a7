import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { RouteServer, RouteTarget, RouteVersion } from "../../../platform/routes/routing-table.ts";
import type { AuthOptions } from "../../../services/proxy/proxy-options.ts";
import { startProxy } from "../../../services/proxy/server.ts";
import type { ServerUnderTest } from "./server-under-test.ts";

export interface RunningProxied extends ServerUnderTest {
  /** Where it answers over gRPC, `host:port`. */
  readonly grpcAddress: string;
  stop(): Promise<void>;
}

/** Starts the project's proxy in front of servers, for everyone. */
export function startProxied(...servers: readonly RouteServer[]): Promise<RunningProxied> {
  return start(tableOf(servers), noAuth);
}

/** The same by a routing file of the reference design. */
export function startReferenceProxied(
  servers: readonly {
    readonly service: string;
    readonly inference_server_type: string;
    readonly endpoint: string;
  }[],
): Promise<RunningProxied> {
  return start(servers, noAuth);
}

/** The same for those alone who have the token. */
export function startProtected(token: string, ...servers: readonly RouteServer[]): Promise<RunningProxied> {
  return start(tableOf(servers), async (folder) => {
    const file = join(folder, "tokens.json");
    await writeFile(file, JSON.stringify([{ name: "tests", roles: [], token }]));
    return { kind: "credentials", token: { file } };
  });
}

function tableOf(servers: readonly RouteServer[]): object {
  return { apiVersion: "domino-inference/v1", kind: "RoutingTable", servers };
}

const noAuth = (): Promise<AuthOptions> => Promise.resolve({ kind: "none" });

async function start(
  routes: unknown,
  authIn: (folder: string) => Promise<AuthOptions>,
): Promise<RunningProxied> {
  const folder = await mkdtemp(join(tmpdir(), "proxied-"));
  const routesFile = join(folder, "routes.json");
  await writeFile(routesFile, JSON.stringify(routes));
  const proxy = await startProxy({
    routesFile,
    auth: await authIn(folder),
    log: pino({ level: "silent" }),
    port: 0,
    grpcListen: { host: "127.0.0.1", port: 0 },
  });
  return {
    url: proxy.url,
    grpcAddress: `127.0.0.1:${proxy.grpcPort}`,
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
  readonly grpcPort?: number;
}

/** The routes to a server whose models all run at the same endpoints, in the service class `Free`. */
export function routesTo(routed: RoutedServer): RouteServer {
  const { models, endpoints, grpcPort, loading = "preload", ...server } = routed;
  const target = targetAt(server.name, endpoints, grpcPort);
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

/** The route to a server that takes every model it is asked for, and no versions where it has none. */
export function routesToAny(routed: Omit<RoutedServer, "models">): RouteServer {
  const { endpoints, grpcPort, loading = "preload", ...server } = routed;
  return { ...server, loading, models: [], anyModel: targetAt(server.name, endpoints, grpcPort) };
}

function targetAt(group: string, endpoints: readonly string[], grpcPort: number | undefined): RouteTarget {
  return {
    group,
    serviceClasses: ["Free"],
    endpoints,
    timeoutMs: 60_000,
    ...(grpcPort === undefined ? {} : { grpcPort }),
  };
}
