import { pino } from "pino";
import { startProxy } from "../server.ts";
import type { ProxySettings } from "./proxy-settings.ts";

/**
 * Runs a proxy until SIGTERM or SIGINT, or until its parent process is gone, and lets requests in flight end. A second
 * signal ends the process at once.
 *
 * @throws PlatformError where it cannot start
 */
export async function runProxy({ logLevel, ...options }: ProxySettings): Promise<void> {
  const log = pino({ level: logLevel, base: null });
  const proxy = await startProxy({ ...options, log });
  log.info({ url: proxy.url }, "listening");
  process.send?.({ type: "listening", url: proxy.url });
  await toldToStop();
  log.info("draining");
  await proxy.close();
  log.info("stopped");
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
