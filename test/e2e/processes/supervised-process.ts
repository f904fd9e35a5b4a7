import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { logTailOf } from "./log-tail.ts";
import { ProcessGroup } from "./process-group.ts";
import {
  markerVariable,
  type ProcessExit,
  type StartOrder,
  type SupervisorReport,
} from "./supervisor-messages.ts";

export interface ProcessOptions {
  /** A path, or a name that is looked up in the caller's PATH. */
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to the environment of the caller. */
  readonly env?: Readonly<Record<string, string>>;
  /** @default the folder of the caller */
  readonly cwd?: string;
  /**
   * Takes standard output and error; it stays after the end unless it lies in `folder`.
   * @default a temporary file that is removed with the process
   */
  readonly logFile?: string;
  /** The process's own folder: it is removed with all that it holds when the process has ended, however that ends. */
  readonly folder?: string;
  /**
   * Time in ms between SIGTERM and SIGKILL.
   * @default 10 s: inference servers drain for some seconds
   */
  readonly graceMillis?: number;
}

/** A process that does not outlive the one that started it. */
export interface SupervisedProcess {
  /** Id of the process and of its group. */
  readonly pid: number;
  /** Resolves when the process and everything that it started have ended. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Whether `exited` has not resolved yet. */
  running(): boolean;
  /** Ends the process and everything that it started. Safe to call twice, and after the end. */
  stop(): Promise<void>;
  /** Ids of the living processes: itself and what it started. */
  members(): readonly number[];
  /** End of what it wrote, 8 KiB at most. */
  logTail(): string;
}

const supervisorFile = fileURLToPath(new URL("./supervisor.ts", import.meta.url));

/**
 * Starts a process in a process group of its own, watched by a small process that ends the group when this one ends, be
 * it by SIGKILL. Linux only: who belongs to the process is read from /proc.
 *
 * @throws Error where the command cannot be started
 */
export async function startProcess(options: ProcessOptions): Promise<SupervisedProcess> {
  const { command, args = [], env = {}, cwd = process.cwd(), graceMillis = 10_000, folder } = options;
  const marker = randomUUID();
  const logFolder = options.logFile === undefined ? await mkdtemp(join(tmpdir(), "process-log-")) : undefined;
  const logFile = options.logFile ?? join(logFolder ?? "", "log");
  const order: StartOrder = {
    command,
    args,
    env: { ...definedEnvironment(), ...env, [markerVariable]: marker },
    cwd,
    logFile,
    folders: [logFolder, folder].filter((one) => one !== undefined),
    graceMillis,
  };
  const begun = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<ProcessExit>();
  let running = true;
  let lastLog = "";
  // A group of its own for the supervisor too: Ctrl-C in a terminal must not end it before it has cleaned up.
  const supervisor = fork(supervisorFile, {
    detached: true,
    stdio: "ignore",
    execArgv: [],
    env: plainEnvironment(),
  });
  supervisor.on("message", (report: SupervisorReport) => {
    if (report.kind === "started") return begun.resolve(report.pid);
    if (report.kind === "refused")
      return begun.reject(new Error(`${command} cannot be started: ${report.reason}`));
    lastLog = report.logTail;
    running = false;
    ended.resolve({ code: report.code, signal: report.signal });
  });
  // The end of the channel comes after all messages, as the end of the supervisor may not.
  supervisor.once("disconnect", () => {
    begun.reject(new Error(`${command} cannot be started: its supervisor ended`));
    running = false;
    ended.resolve({ code: null, signal: null });
  });
  supervisor.on("error", begun.reject);
  supervisor.send(order);
  const pid = await begun.promise;
  const group = new ProcessGroup(pid, marker);
  return {
    pid,
    exited: ended.promise,
    running: () => running,
    async stop() {
      // It may end at the same moment, and then there is nobody left to be told.
      if (running && supervisor.connected) supervisor.send("stop", () => undefined);
      await ended.promise;
    },
    members: () => group.members(),
    logTail: () => (running ? logTailOf(logFile) : lastLog),
  };
}

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** What a test runner sets for its own Node processes would only slow the supervisor down. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = process.env;
  return rest;
}
