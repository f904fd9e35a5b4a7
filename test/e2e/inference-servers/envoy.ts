import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../processes/running-server.ts";
import type { SupervisedProcess } from "../processes/supervised-process.ts";
import { preparedEnvironment } from "./prepared-environment.ts";

export interface RunningEnvoy extends SupervisedProcess {
  /** Base URL without a trailing slash. */
  readonly url: string;
}

/** Starts Envoy with one thread in front of one server, as a proxy that only passes on what it gets. */
export async function startEnvoy(upstream: string): Promise<RunningEnvoy> {
  const { folder: environment } = preparedEnvironment("envoy");
  const [port = 0, adminPort = 0] = await freePorts(2);
  const folder = await temporaryFolder("envoy");
  const config = join(folder, "envoy.json");
  await writeFile(config, JSON.stringify(configOf(port, adminPort, new URL(upstream))));
  const server = await startServer({
    name: "envoy",
    command: join(environment, "bin", "envoy"),
    // The shared memory of a hot restart is found by its number, which two instances would share.
    args: ["--config-path", config, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"],
    cwd: folder,
    folder,
    ports: [port, adminPort],
    ready: (signal) => answersOk(`http://127.0.0.1:${adminPort}/ready`, signal),
  });
  return { ...server, url: `http://127.0.0.1:${port}` };
}

function configOf(port: number, adminPort: number, upstream: URL): object {
  const cluster = "upstream";
  const connectionManager = {
    "@type":
      "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "inbound",
    route_config: {
      virtual_hosts: [
        { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster } }] },
      ],
    },
    http_filters: [
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ],
  };
  return {
    admin: { address: loopback(adminPort) },
    static_resources: {
      listeners: [
        {
          address: loopback(port),
          filter_chains: [
            {
              filters: [
                { name: "envoy.filters.network.http_connection_manager", typed_config: connectionManager },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: cluster,
          type: "STATIC",
          load_assignment: {
            cluster_name: cluster,
            endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(Number(upstream.port)) } }] }],
          },
        },
      ],
    },
  };
}

function loopback(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
