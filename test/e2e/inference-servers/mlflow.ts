import { join } from "node:path";
import { freePorts } from "../processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../processes/running-server.ts";
import type { SupervisedProcess } from "../processes/supervised-process.ts";
import { preparedEnvironment } from "./prepared-environment.ts";

export interface RunningMlflow extends SupervisedProcess {
  /** Base URL without a trailing slash; the REST API is below `/api/2.0/mlflow`. */
  readonly url: string;
}

/** Starts MLflow's tracking server with an empty registry and an artifact store of its own. */
export async function startMlflow(): Promise<RunningMlflow> {
  const { python } = preparedEnvironment("mlflow");
  const [port = 0] = await freePorts(1);
  const folder = await temporaryFolder("mlflow");
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: "mlflow",
    command: python,
    args: [
      ...["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port), "--workers", "1"],
      ...["--backend-store-uri", `sqlite:///${join(folder, "mlflow.db")}`],
      ...["--artifacts-destination", join(folder, "artifacts")],
    ],
    cwd: folder,
    folder,
    ports: [port],
    ready: (signal) => answersOk(`${url}/health`, signal),
    // The first start writes the tables of its database, one migration after the other.
    startWithinMillis: 180_000,
  });
  return { ...server, url };
}
