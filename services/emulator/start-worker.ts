import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import type { EmulatorOptions } from "./emulator.ts";
import type { WorkerReport } from "./worker.ts";

/** An emulated group in a thread of its own. */
export interface EmulatorWorker {
  /** Base URLs without a trailing slash, one a replica. */
  readonly endpoints: readonly string[];
  /** Ends servers and thread; safe to call twice. */
  close(): Promise<void>;
  /** Exit code of the thread: 0 after `close`, 1 where it failed. Never rejects. */
  readonly exited: Promise<number>;
}

/** A worker that has not ended by itself is ended after this time in ms. */
const closeWithinMs = 2_000;

/** Beside this file, as source or compiled. */
const workerFile = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

/**
 * Runs a group in a worker thread, so that a busy caller does not stretch its iterations. Rejects as
 * `startEmulatedGroup` does, and then no thread is left.
 */
export async function startEmulatorWorker(options: EmulatorOptions): Promise<EmulatorWorker> {
  const worker = new Worker(workerFile, { workerData: options });
  const failure = new Promise<never>((_, reject) => worker.once("error", reject));
  // After the start, a failure shows in `exited`; it must not end the whole process as an unhandled rejection.
  failure.catch(() => {});
  const exited = new Promise<number>((resolve) => worker.once("exit", resolve));
  const report = await Promise.race([
    new Promise<WorkerReport>((resolve) => worker.once("message", resolve)),
    failure,
    exited.then((code): WorkerReport => ({
      kind: "refused",
      problems: [endedEarly(options.group.name, code)],
    })),
  ]);
  if (report.kind === "refused") {
    await exited;
    throw new PlatformError(report.problems);
  }
  return {
    endpoints: report.endpoints,
    exited,
    async close() {
      worker.postMessage("close");
      const timer = setTimeout(() => void worker.terminate(), closeWithinMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function endedEarly(group: string, code: number): PlatformError["problems"][number] {
  return {
    code: "LOCAL_START_FAILED",
    message: `the emulator of group "${group}" ended with exit code ${code}.`,
  };
}
