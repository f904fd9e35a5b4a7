import { parentPort, workerData } from "node:worker_threads";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";
import { startEmulatedGroup, type EmulatorOptions } from "./emulator.ts";

/** What the worker tells its parent, once. */
export type WorkerReport =
  | { readonly kind: "ready"; readonly endpoints: readonly string[] }
  /** Problems cross the thread as data: an error would arrive without them. */
  | { readonly kind: "refused"; readonly problems: readonly Problem[] };

const port = parentPort;
if (port !== null) {
  const report = (message: WorkerReport): void => port.postMessage(message);
  try {
    const group = await startEmulatedGroup(workerData as EmulatorOptions);
    // Any message asks the worker to end; without its servers and this listener it has nothing to live for.
    port.once("message", () => void group.close());
    report({ kind: "ready", endpoints: group.endpoints });
  } catch (error) {
    if (!PlatformError.is(error)) throw error;
    report({ kind: "refused", problems: error.problems });
  }
}
