import { execFile, execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../processes/running-server.ts";
import type { SupervisedProcess } from "../processes/supervised-process.ts";
import { preparedEnvironment } from "./prepared-environment.ts";
import type { Need } from "../requires.ts";

export interface RunningTorchServe extends SupervisedProcess {
  /** Base URL of inference, without a trailing slash. */
  readonly url: string;
  readonly managementUrl: string;
  readonly metricsUrl: string;
}

/** TorchServe's frontend is a Java program. */
export function javaNeed(): Need {
  try {
    execFileSync("java", ["-version"], { stdio: "ignore" });
    return { name: "java" };
  } catch {
    return { name: "java", missing: "not installed (Debian: default-jre-headless)" };
  }
}

/** Starts TorchServe with one archived model in its store, registered but without workers, for PyTorch is not installed. */
export async function startTorchServe(model: string): Promise<RunningTorchServe> {
  const { folder: environment, python, sitePackages } = preparedEnvironment("torchserve");
  const [inference = 0, management = 0, metrics = 0, grpcInference = 0, grpcManagement = 0] =
    await freePorts(5);
  const folder = await temporaryFolder("torchserve");
  const store = join(folder, "store");
  await mkdir(store);
  await promisify(execFile)(python, [
    join(environment, "bin", "torch-model-archiver"),
    ...["--model-name", model, "--version", "1.0", "--export-path", store],
    ...["--handler", join(import.meta.dirname, "python", "torchserve_handler.py")],
  ]);
  const url = `http://127.0.0.1:${inference}`;
  const configuration = join(folder, "config.properties");
  const settings = {
    inference_address: url,
    management_address: `http://127.0.0.1:${management}`,
    metrics_address: `http://127.0.0.1:${metrics}`,
    grpc_inference_address: "127.0.0.1",
    grpc_inference_port: grpcInference,
    grpc_management_address: "127.0.0.1",
    grpc_management_port: grpcManagement,
    model_store: store,
    disable_token_authorization: "true",
    enable_model_api: "true",
    metrics_mode: "prometheus",
    disable_system_metrics: "true",
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  await writeFile(configuration, lines.join(""));
  const server = await startServer({
    name: "torchserve",
    command: "java",
    // Without the Python launcher, which would leave its child and end.
    args: [
      ...[`-Dmodel_server_home=${sitePackages}`, `-Djava.io.tmpdir=${folder}`, "-cp"],
      join(sitePackages, "ts", "frontend", "*"),
      ...["org.pytorch.serve.ModelServer", "--python", python, "-f", configuration, "-s", store],
      ...["-ncs"],
    ],
    env: { LOG_LOCATION: join(folder, "logs"), METRICS_LOCATION: join(folder, "logs") },
    cwd: folder,
    folder,
    ports: [inference, management, metrics],
    ready: (signal) => answersOk(`${url}/ping`, signal),
  });
  return {
    ...server,
    url,
    managementUrl: settings.management_address,
    metricsUrl: `${settings.metrics_address}/metrics`,
  };
}
