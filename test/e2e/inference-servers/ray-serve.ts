import { join } from "node:path";
import { request } from "undici";
import { freePorts } from "../processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../processes/running-server.ts";
import type { SupervisedProcess } from "../processes/supervised-process.ts";
import { preparedEnvironment } from "./prepared-environment.ts";
import { eventually } from "./server-under-test.ts";

export interface RunningRayServe extends SupervisedProcess {
  /** Base URL of the applications, without a trailing slash. */
  readonly url: string;
  /** Base URL of the cluster's API, under which applications are declared. */
  readonly dashboardUrl: string;
}

/** Memory for shared objects in bytes: the least that leaves room, for nothing here is shared. */
const objectStoreBytes = 100_000_000;

/** Starts a Ray cluster of one node and one application at `/bert-base` that answers as the emulator does. */
export async function startRayServe(): Promise<RunningRayServe> {
  const { folder: environment, python } = preparedEnvironment("ray-serve");
  const ports = await freePorts(9);
  const [gcs = 0, dashboard = 0, http = 0, nodeManager = 0, objectManager = 0, ...agents] = ports;
  const [agentListen = 0, agentGrpc = 0, runtimeEnvironment = 0, metrics = 0] = agents;
  const folder = await temporaryFolder("ray");
  const dashboardUrl = `http://127.0.0.1:${dashboard}`;
  const url = `http://127.0.0.1:${http}`;
  const server = await startServer({
    name: "ray serve",
    command: python,
    args: [
      join(environment, "bin", "ray"),
      ...["start", "--head", "--block", "--disable-usage-stats"],
      ...["--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1"],
      `--port=${gcs}`,
      `--dashboard-port=${dashboard}`,
      `--node-manager-port=${nodeManager}`,
      `--object-manager-port=${objectManager}`,
      `--dashboard-agent-listen-port=${agentListen}`,
      `--dashboard-agent-grpc-port=${agentGrpc}`,
      `--runtime-env-agent-port=${runtimeEnvironment}`,
      `--metrics-export-port=${metrics}`,
      // Any free port: a range could hold one of those above, and then nothing starts.
      ...["--min-worker-port=0", "--max-worker-port=0"],
      ...["--num-cpus=2", `--object-store-memory=${objectStoreBytes}`, `--temp-dir=${folder}`],
    ],
    // The processes of the cluster import the application from here.
    env: { PYTHONPATH: join(import.meta.dirname, "python"), RAY_DISABLE_IMPORT_WARNING: "1" },
    cwd: folder,
    folder,
    ports: [gcs, dashboard],
    ready: (signal) => answersOk(`${dashboardUrl}/api/serve/applications/`, signal),
  });
  try {
    await deploy(dashboardUrl, http);
    await eventually(
      () => statusOf(dashboardUrl),
      (status) => status !== undefined && status !== "DEPLOYING" && status !== "NOT_STARTED",
    );
    const status = await statusOf(dashboardUrl);
    if (status !== "RUNNING") throw new Error(`the application of ray serve is ${status ?? "unknown"}`);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { ...server, url, dashboardUrl };
}

async function deploy(dashboardUrl: string, httpPort: number): Promise<void> {
  // Not by fetch, whose headers Ray takes for a browser's and refuses.
  const { statusCode, body } = await request(`${dashboardUrl}/api/serve/applications/`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      http_options: { host: "127.0.0.1", port: httpPort },
      applications: [{ name: "emulated", route_prefix: "/bert-base", import_path: "ray_app:app" }],
    }),
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`ray serve refuses its application: ${statusCode} ${text}`);
}

async function statusOf(dashboardUrl: string): Promise<string | undefined> {
  const answer = await fetch(`${dashboardUrl}/api/serve/applications/`);
  const { applications } = (await answer.json()) as { applications: Record<string, { status: string }> };
  return applications["emulated"]?.status;
}
