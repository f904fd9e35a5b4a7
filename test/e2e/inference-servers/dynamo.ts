import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { freePorts } from "../processes/free-ports.ts";
import { startServer, temporaryFolder } from "../processes/running-server.ts";
import { startProcess, type SupervisedProcess } from "../processes/supervised-process.ts";
import { preparedEnvironment } from "./prepared-environment.ts";

export interface DynamoOptions {
  /** Name of the served model. */
  readonly model: string;
  /**
   * Simulated workers, each a process of its own.
   * @default 1
   */
  readonly workers?: number;
  /** @default "kv": to the worker that has most of the prompt in its cache */
  readonly routerMode?: "kv" | "round-robin";
}

export interface RunningDynamo {
  /** Base URL of the frontend, without a trailing slash. */
  readonly url: string;
  /** In the order of their start. */
  readonly workers: readonly SupervisedProcess[];
  readonly frontend: SupervisedProcess;
  stop(): Promise<void>;
}

const pollMillis = 50;
const workersWithinMillis = 90_000;

/** Starts Dynamo's frontend with simulated workers; they find each other through a folder, without etcd and NATS. */
export async function startDynamo(options: DynamoOptions): Promise<RunningDynamo> {
  const { model, workers: workerCount = 1, routerMode = "kv" } = options;
  const { python } = preparedEnvironment("dynamo");
  const [http = 0] = await freePorts(1);
  const folder = await temporaryFolder("dynamo");
  const modelFolder = join(folder, "model");
  await promisify(execFile)(python, [join(import.meta.dirname, "python", "tiny_tokenizer.py"), modelFolder]);
  const env = {
    DYN_FILE_KV: join(folder, "discovery"),
    HF_HUB_OFFLINE: "1",
    DYN_TCP_RPC_HOST: "127.0.0.1",
    DYN_TCP_RESPONSE_STREAM_HOST: "127.0.0.1",
    DYN_EVENT_PLANE_HOST: "127.0.0.1",
  };
  const planes = ["--discovery-backend", "file", "--request-plane", "tcp", "--event-plane", "zmq"];
  const url = `http://127.0.0.1:${http}`;
  const frontend = await startServer({
    name: "dynamo frontend",
    command: python,
    args: [
      ...["-m", "dynamo.frontend", "--http-host", "127.0.0.1", "--http-port", String(http)],
      ...["--router-mode", routerMode, ...planes],
    ],
    env,
    cwd: folder,
    folder,
    ports: [http],
    ready: async (signal) => (await fetch(`${url}/live`, { signal })).ok,
  });
  const workers: SupervisedProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await frontend.stop();
  };
  try {
    for (let index = 0; index < workerCount; index++) {
      workers.push(
        await startProcess({
          command: python,
          args: [
            ...["-m", "dynamo.mocker", "--model-path", modelFolder, "--model-name", model],
            ...["--num-workers", "1", "--speedup-ratio", "10", ...planes],
          ],
          env,
          cwd: folder,
        }),
      );
    }
    await untilServed(url, model, workers);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, workers, frontend, stop };
}

async function untilServed(url: string, model: string, workers: readonly SupervisedProcess[]): Promise<void> {
  const deadlineMillis = performance.now() + workersWithinMillis;
  for (;;) {
    const ended = workers.find((worker) => !worker.running());
    if (ended) throw new Error(`a dynamo worker ended while it started:\n${ended.logTail()}`);
    if ((await servedInstances(url, model)) >= workers.length) return;
    if (performance.now() > deadlineMillis) {
      throw new Error(`the dynamo workers were not ready in time:\n${workers[0]?.logTail() ?? ""}`);
    }
    await delay(pollMillis);
  }
}

/** How many workers the frontend knows for a model. */
export async function servedInstances(url: string, model: string): Promise<number> {
  const health = (await (await fetch(`${url}/health`)).json()) as { instances?: readonly unknown[] };
  const models = (await (await fetch(`${url}/v1/models`)).json()) as { data: readonly { id: string }[] };
  if (!models.data.some(({ id }) => id === model)) return 0;
  return (health.instances ?? []).filter((one) => JSON.stringify(one).includes(`"endpoint":"generate"`))
    .length;
}
