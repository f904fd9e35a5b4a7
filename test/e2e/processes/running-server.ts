import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isListening } from "./listening.ts";
import { startProcess, type ProcessOptions, type SupervisedProcess } from "./supervised-process.ts";

const pollMillis = 50;
/** One look at a server that is starting may take this long, in ms. */
const probeMillis = 5_000;

export interface ServerOptions extends ProcessOptions {
  /** For messages, such as `triton`. */
  readonly name: string;
  /** All of them must be listened on by the process, or by what it started, before it counts as ready. */
  readonly ports: readonly number[];
  /** Whether the server says that it is ready; what it throws counts as no. */
  readonly ready: (signal: AbortSignal) => Promise<boolean>;
  /**
   * Longest time in ms from the start to ready.
   * @default 90 s: a few Python packages take half a minute to import on a busy machine
   */
  readonly startWithinMillis?: number;
}

/** A new folder for a server. */
export function temporaryFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `${name}-`));
}

/**
 * Starts a server and waits until it is ready.
 *
 * @throws Error with the end of its log where it ends or does not get ready in time; nothing is left then
 */
export async function startServer(options: ServerOptions): Promise<SupervisedProcess> {
  const { name, ports, ready, startWithinMillis = 90_000, ...processOptions } = options;
  const server = await startProcess(processOptions);
  const deadlineMillis = performance.now() + startWithinMillis;
  while (server.running()) {
    const members = server.members();
    if (ports.every((port) => isListening(members, port)) && (await answersYes(ready))) return server;
    if (performance.now() > deadlineMillis) break;
    await delay(pollMillis);
  }
  const problem = server.running()
    ? `was not ready within ${startWithinMillis / 1_000} s`
    : "ended while it started";
  await server.stop();
  throw new Error(`${name} ${problem}; the end of its log:\n${server.logTail()}`);
}

/** Whether a URL answers with 200. */
export async function answersOk(url: string, signal: AbortSignal): Promise<boolean> {
  const answer = await fetch(url, { signal });
  await answer.body?.cancel();
  return answer.status === 200;
}

async function answersYes(ready: ServerOptions["ready"]): Promise<boolean> {
  try {
    return await ready(AbortSignal.timeout(probeMillis));
  } catch {
    return false;
  }
}
