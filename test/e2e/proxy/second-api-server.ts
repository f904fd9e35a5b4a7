import { readFile } from "node:fs/promises";
import { request } from "node:https";
import type { ControlPlane } from "../cluster/control-plane.ts";
import { waitFor } from "../cluster/waiting.ts";
import { freePorts } from "../processes/free-ports.ts";
import { startProcess, type SupervisedProcess } from "../processes/supervised-process.ts";

export interface SecondApiServer {
  /** With the certificate of the first. */
  readonly server: string;
  readonly process: SupervisedProcess;
}

/**
 * Starts another API server on the data of the first, as managed control planes replace theirs. It knows no event from
 * before its start.
 */
export async function startSecondApiServer(controlPlane: ControlPlane): Promise<SecondApiServer> {
  const commands = await Promise.all(controlPlane.processes().map(commandOf));
  const [command = "", ...args] = commands.find(([name]) => name?.endsWith("kube-apiserver")) ?? [];
  const [port = 0] = await freePorts(1);
  const process = await startProcess({
    command,
    args: args.map((argument) =>
      argument.startsWith("--secure-port=") ? `--secure-port=${port}` : argument,
    ),
    graceMillis: 3_000,
  });
  const server = `https://127.0.0.1:${port}`;
  await waitFor(() => isAnswering(server, controlPlane.certificateAuthority), {
    what: "the second API server",
    state: () => process.logTail(),
  });
  return { server, process };
}

/** Command and arguments of a process; empty where it has ended. */
async function commandOf(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text.split("\0").slice(0, -1);
}

/** It refuses whom it does not know, but only once it knows the users. */
function isAnswering(server: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    request(`${server}/readyz`, { agent: false, ca }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 401);
    })
      .on("error", () => resolve(false))
      .end();
  });
}
