import { fork, type ChildProcess } from "node:child_process";
import { isIPv6 } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";
import { errorRegistry, type ErrorCode } from "../../platform/errors/registry.ts";

export interface ProxyProcessOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** File with the routing table. */
  readonly routesFile: string;
}

export interface ProxyProcess {
  readonly url: string;
  /** Lets running requests finish for a moment, then ends the process. Safe to call twice. */
  close(): Promise<void>;
  /** Resolves with the exit code when the process ends, whoever ended it. */
  readonly exited: Promise<number | null>;
}

/** A proxy that does not end after SIGTERM is killed after this time. */
const closeWithinMs = 5_000;

const program = fileURLToPath(new URL(`../proxy/main${extname(import.meta.url)}`, import.meta.url));

/** Starts the real proxy as a process of its own, as a cluster does. */
export async function startProxyProcess(options: ProxyProcessOptions): Promise<ProxyProcess> {
  const child = fork(
    program,
    [
      ...["--listen", `${isIPv6(options.host) ? `[${options.host}]` : options.host}:${options.port}`],
      ...["--routes", options.routesFile],
      // On loopback, for whoever sits at this machine: said here because the proxy never assumes it.
      ...["--tls", "none", "--auth", "none", "--log-level", "warn"],
    ],
    { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] },
  );
  const messages: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    messages.push(text);
    if (messages.length > 50) messages.shift();
  });
  const exited = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  const url = await Promise.race([
    listening(child),
    exited.then((code) => {
      throw new PlatformError([startProblem(messages.join(""), code)]);
    }),
  ]);
  let closing: Promise<void> | undefined;
  return { url, exited, close: () => (closing ??= end(child, exited)) };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.on("message", (message: { type?: string; url?: string }) => {
      if (message.type === "listening" && message.url !== undefined) resolve(message.url);
    });
  });
}

async function end(child: ChildProcess, exited: Promise<number | null>): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), closeWithinMs);
  await exited;
  clearTimeout(timer);
}

/** The child's own coded message where it has one. */
function startProblem(text: string, exitCode: number | null): Problem {
  const [, code = "", message = ""] = /^(?:\S+:\d+:\d+ )?([A-Z]+(?:_[A-Z]+)+) (.+)$/m.exec(text) ?? [];
  if (Object.hasOwn(errorRegistry, code)) return { code: code as ErrorCode, message };
  return {
    code: "LOCAL_START_FAILED",
    message: `the proxy ended with exit code ${exitCode ?? "none"}: ${text.trim().slice(0, 500)}`,
  };
}
