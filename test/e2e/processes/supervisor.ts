import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { logTailOf } from "./log-tail.ts";
import { ProcessGroup } from "./process-group.ts";
import { markerVariable, type StartOrder, type SupervisorReport } from "./supervisor-messages.ts";

/**
 * Runs one process in a group of its own and ends the whole group when the process ends, when any message comes after
 * the first, or when the channel to the parent closes, which it does however the parent ends.
 */
function supervise({ command, args, env, cwd, logFile, folders, graceMillis }: StartOrder): void {
  const log = openSync(logFile, "a");
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  child.once("error", ({ message }) => {
    if (child.pid !== undefined) return;
    void removeAll(folders).then(() => report({ kind: "refused", reason: message }));
  });
  const { pid } = child;
  if (pid === undefined) return;
  const group = new ProcessGroup(pid, env[markerVariable] ?? "");
  let ending: Promise<void> | undefined;
  // Once only: a second SIGTERM makes some servers give up what they drain.
  const end = (): Promise<void> => (ending ??= group.end(graceMillis));
  process.once("message", () => void end()).once("disconnect", () => void end());
  child.once("exit", (code, signal) => {
    void end().then(async () => {
      // Read before it may be removed with its folder.
      const logTail = logTailOf(logFile);
      await removeAll(folders);
      report({ kind: "ended", code, signal, logTail });
    });
  });
  report({ kind: "started", pid });
}

async function removeAll(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

function report(message: SupervisorReport): void {
  if (process.connected) process.send?.(message);
  // Without the channel nothing keeps this process alive; before its time, the child does.
  if (message.kind !== "started" && process.connected) process.disconnect();
}

process.once("message", (order) => supervise(order as StartOrder));
