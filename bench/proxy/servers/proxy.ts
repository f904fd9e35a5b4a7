import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RouteModel, RouteServer, RoutingTable } from "../../../platform/routes/routing-table.ts";
import { freePorts } from "../../../test/e2e/processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../../../test/e2e/processes/running-server.ts";
import { chatModel, chatServer, tabularModel, tabularServer } from "../load/requests.ts";
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

/** Routing alone. */
export const bareProxy: ProxySetting = { name: "proxy", args: ["--auth", "none"] };

const program = "services/proxy/main.ts";

/** This repository. */
export const ownCheckout = fileURLToPath(new URL("../../../", import.meta.url));

/** Starts the proxy of a checkout as a container does, in front of one engine that serves every model of the bench. */
export async function startProxy(
  checkout: string,
  upstream: string,
  setting: ProxySetting = bareProxy,
): Promise<MeasuredServer> {
  const [port = 0] = await freePorts(1);
  const folder = await temporaryFolder("proxy");
  const routes = join(folder, "routes.json");
  await writeFile(routes, JSON.stringify(tableOf(upstream, setting)));
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: "proxy",
    command: process.execPath,
    args: [
      ...containerFlags(checkout),
      ...(setting.nodeFlags ?? []),
      join(checkout, program),
      ...["--routes", routes, "--host", "127.0.0.1", "--port", String(port), "--tls", "none"],
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

/** The flags of Node.js in the container image's start line. */
export function containerFlags(checkout: string): readonly string[] {
  const text = readFileSync(join(checkout, "services/proxy/Dockerfile"), "utf8");
  const [, line = "[]"] = /^(?:ENTRYPOINT|CMD)\s+(\[[^\]]*main\.ts[^\]]*\])/m.exec(text) ?? [];
  const words = JSON.parse(line) as readonly string[];
  return words.slice(0, words.indexOf(program)).filter((word) => word.startsWith("-"));
}

function tableOf(upstream: string, { model = {}, table = {} }: ProxySetting): RoutingTable {
  const modelOf = (name: string): RouteModel => ({
    name,
    versions: [
      {
        version: "1",
        weight: 100,
        targets: [{ group: name, serviceClasses: ["Free"], endpoints: [upstream], timeoutMs: 60_000 }],
      },
    ],
    ...model,
  });
  const serverOf = (
    name: string,
    type: string,
    protocol: RouteServer["protocol"],
    served: string,
  ): RouteServer => ({
    name,
    type,
    protocol,
    loading: "preload",
    models: [modelOf(served)],
  });
  return {
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    serviceClasses: ["Free"],
    servers: [
      serverOf(chatServer, "vllm", "openai", chatModel),
      serverOf(tabularServer, "triton", "open-inference-v2", tabularModel),
    ],
    ...table,
  };
}
