import { execFile } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../processes/running-server.ts";
import type { SupervisedProcess } from "../processes/supervised-process.ts";
import { preparedEnvironment } from "./prepared-environment.ts";
import { writeRepository, type RepositoryModel } from "./triton-repository.ts";

export interface TritonOptions {
  readonly models: readonly RepositoryModel[];
  /** `on-demand` starts with no model loaded. */
  readonly loading: "preload" | "on-demand";
  /**
   * Time in s that a model takes to load, beyond what Python needs.
   * @default 0
   */
  readonly loadSeconds?: number;
}

export interface RunningTriton extends SupervisedProcess {
  /** Base URL without a trailing slash. */
  readonly url: string;
  readonly grpcPort: number;
  readonly metricsUrl: string;
}

/** Starts NVIDIA's Triton with its Python backend, on loopback and without a GPU. */
export async function startTriton(options: TritonOptions): Promise<RunningTriton> {
  const { models, loading, loadSeconds = 0 } = options;
  const folder = await temporaryFolder("triton");
  const repository = join(folder, "models");
  await writeRepository(repository, models);
  return startTritonServer({
    folder,
    args: [
      `--model-repository=${repository}`,
      "--model-control-mode=explicit",
      ...(loading === "preload" ? models.map(({ name }) => `--load-model=${name}`) : []),
    ],
    env: { MODEL_LOAD_SECONDS: String(loadSeconds) },
  });
}

export interface TritonServerOptions {
  /** A new folder, which goes with the server. */
  readonly folder: string;
  /** Without addresses, ports and backends. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts Triton with a command line of one's own. */
export async function startTritonServer(options: TritonServerOptions): Promise<RunningTriton> {
  const { folder, args, env = {} } = options;
  const { python, sitePackages } = preparedEnvironment("triton");
  const [http = 0, grpc = 0, metrics = 0] = await freePorts(3);
  const backends = join(folder, "backends");
  await collectBackends(sitePackages, python, backends);
  const url = `http://127.0.0.1:${http}`;
  const server = await startServer({
    name: "triton",
    command: join(sitePackages, "pytriton", "tritonserver", "bin", "tritonserver"),
    args: [
      ...args,
      `--backend-directory=${backends}`,
      "--http-address=127.0.0.1",
      `--http-port=${http}`,
      "--grpc-address=127.0.0.1",
      `--grpc-port=${grpc}`,
      "--metrics-address=127.0.0.1",
      `--metrics-port=${metrics}`,
    ],
    env: {
      LD_LIBRARY_PATH: [join(sitePackages, "nvidia_pytriton.libs"), await libraryFolder(python)].join(":"),
      PYTHONPATH: sitePackages,
      ...env,
    },
    cwd: folder,
    folder,
    ports: [http, grpc, metrics],
    ready: (signal) => answersOk(`${url}/v2/health/ready`, signal),
  });
  return { ...server, url, grpcPort: grpc, metricsUrl: `http://127.0.0.1:${metrics}/metrics` };
}

/** The wheel keeps the stub of each Python version apart from the backend, where the server does not find it. */
async function collectBackends(sitePackages: string, python: string, backends: string): Promise<void> {
  const triton = join(sitePackages, "pytriton", "tritonserver");
  const version = await askPython(python, "import sys; print('%d.%d' % sys.version_info[:2])");
  const folder = join(backends, "python");
  await mkdir(folder, { recursive: true });
  for (const file of ["libtriton_python.so", "triton_python_backend_utils.py"]) {
    await copyFile(join(triton, "backends", "python", file), join(folder, file));
  }
  const stub = "triton_python_backend_stub";
  await copyFile(join(triton, "python_backend_stubs", version, stub), join(folder, stub));
}

/** Where libpython lies. */
function libraryFolder(python: string): Promise<string> {
  return askPython(python, "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))");
}

async function askPython(python: string, script: string): Promise<string> {
  return (await promisify(execFile)(python, ["-c", script])).stdout.trim();
}
