import { pino } from "pino";
import { LineOutput } from "../audit/line-output.ts";
import { startProxy } from "../server.ts";
import type { ProxySettings } from "./proxy-settings.ts";

const standardOutput = 1;

/** Longest time that the last lines may take to be read, in ms. */
const closeOutputMs = 2_000;

/**
 * Runs a proxy until SIGTERM or SIGINT, or until its parent process is gone, and lets requests in flight end. A second
 * signal ends the process at once.
 *
 * @throws PlatformError where it cannot start
 */
export async function runProxy({ logLevel, audit, ...options }: ProxySettings): Promise<void> {
  // One output for both: lines of two writers would run into each other.
  const output = audit === "json" ? LineOutput.open({ fd: standardOutput }) : undefined;
  const log = pino({ level: logLevel, base: null }, output ?? pino.destination(standardOutput));
  const proxy = await startProxy({ ...options, log, ...(output ? { audit: output } : {}) });
  log.info({ url: proxy.url }, "listening");
  process.send?.({ type: "listening", url: proxy.url });
  await toldToStop();
  log.info("draining");
  await proxy.close();
  log.info("stopped");
  await output?.close(closeOutputMs);
  // The IPC channel of a parent process would keep this one alive.
  if (process.connected) process.disconnect();
}

function toldToStop(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off("SIGTERM", stop).off("SIGINT", stop).off("disconnect", stop);
      resolve();
    };
    // A child of the local platform ends with its parent, however that ends.
    process.on("SIGTERM", stop).on("SIGINT", stop).on("disconnect", stop);
  });
}
