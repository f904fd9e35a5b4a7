import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { proxyPod } from "../../../platform/plan/proxy-pod.ts";
import type { RouteModel, RoutingTable } from "../../../platform/routes/routing-table.ts";
import { freePorts } from "../../../test/e2e/processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../../../test/e2e/processes/running-server.ts";
import { chatModel, chatServer, streamModel, tabularModel, tabularServer } from "../load/requests.ts";
import { measured, type MeasuredServer } from "./measured-server.ts";

export interface ProxySetting {
  /** Said in the report. */
  readonly name: string;
  /** Command line after the routes and the address. */
  readonly args: readonly string[];
  /** Added to every model of the routing table. */
  readonly model?: Partial<RouteModel>;
  /** Added to the routing table. */
  readonly table?: Partial<RoutingTable>;
  /** More flags of Node.js, such as for a profile. */
  readonly nodeFlags?: readonly string[];
}

/** Base URLs of what is behind the proxy. */
export interface Engines {
  readonly tabular: string;
  readonly chat: string;
  readonly streams: string;
}

/** Routing alone. */
export const bareProxy: ProxySetting = { name: "proxy", args: ["--auth", "none"] };

const program = "services/proxy/main.ts";

/** This repository. */
export const ownCheckout = fileURLToPath(new URL("../../../", import.meta.url));

/** Starts the proxy of a checkout as a container does, in front of the engines of the bench. */
export async function startProxy(
  checkout: string,
  engines: Engines,
  setting: ProxySetting,
): Promise<MeasuredServer> {
  const [port = 0] = await freePorts(1);
  const folder = await temporaryFolder("proxy");
  const routes = join(folder, "routes.json");
  await writeFile(routes, JSON.stringify(tableOf(engines, setting)));
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: "proxy",
    command: process.execPath,
    args: [
      ...containerFlags(),
      ...(setting.nodeFlags ?? []),
      join(checkout, program),
      ...["--routes", routes, "--listen", `127.0.0.1:${port}`, "--tls", "none"],
      ...["--log-level", "warn"],
      ...setting.args,
    ],
    env: { NODE_ENV: "production" },
    cwd: checkout,
    folder,
    ports: [port],
    ready: (signal) => answersOk(`${url}/readyz`, signal),
  });
  return measured(setting.name, { ...server, url });
}

/** The flags of Node.js that the component starts the container with, where a spec says nothing. */
export function containerFlags(): readonly string[] {
  const { oldSpaceMiB, semiSpaceMiB } = proxyPod({}).heap;
  return [`--max-old-space-size=${oldSpaceMiB}`, `--max-semi-space-size=${semiSpaceMiB}`];
}

function tableOf(engines: Engines, { model = {}, table = {} }: ProxySetting): RoutingTable {
  const modelOf = (name: string, url: string): RouteModel => {
    const target = { group: name, serviceClasses: ["Free"], endpoints: [url], timeoutMs: 60_000 };
    return { name, versions: [{ version: "1", weight: 100, targets: [target] }], ...model };
  };
  return {
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    serviceClasses: ["Free"],
    servers: [
      {
        name: chatServer,
        type: "vllm",
        protocol: "openai",
        loading: "preload",
        models: [modelOf(chatModel, engines.chat), modelOf(streamModel, engines.streams)],
      },
      {
        name: tabularServer,
        type: "triton",
        protocol: "open-inference-v2",
        loading: "preload",
        models: [modelOf(tabularModel, engines.tabular)],
      },
    ],
    ...table,
  };
}
