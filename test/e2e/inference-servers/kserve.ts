import { join } from "node:path";
import { freePorts } from "../processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../processes/running-server.ts";
import type { SupervisedProcess } from "../processes/supervised-process.ts";
import { preparedEnvironment } from "./prepared-environment.ts";

export interface KServeOptions {
  readonly model: string;
  /** Goes into the answers; the protocol of this server has no versions. */
  readonly version: string;
}

export interface RunningKServe extends SupervisedProcess {
  /** Base URL without a trailing slash. It listens on all addresses: KServe takes no other. */
  readonly url: string;
}

/** Starts a KServe model server with one model that answers as the emulator does, over v1 and v2. */
export async function startKServe({ model, version }: KServeOptions): Promise<RunningKServe> {
  const { python } = preparedEnvironment("kserve");
  const [http = 0, grpc = 0] = await freePorts(2);
  const folder = await temporaryFolder("kserve");
  const url = `http://127.0.0.1:${http}`;
  const server = await startServer({
    name: "kserve",
    command: python,
    args: [
      join(import.meta.dirname, "python", "kserve_model.py"),
      `--model=${model}`,
      `--version=${version}`,
      `--http-port=${http}`,
      `--grpc-port=${grpc}`,
    ],
    cwd: folder,
    folder,
    ports: [http, grpc],
    ready: (signal) => answersOk(`${url}/v2/models/${model}/ready`, signal),
  });
  return { ...server, url };
}
