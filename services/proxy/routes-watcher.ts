import type { Logger } from "pino";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { loadRoutes } from "./routes-file.ts";
import type { LoadedRoutingTable } from "./routing/routing-index.ts";
import { WatchedFiles } from "./watched-files.ts";

/**
 * Loads the routing table, which must succeed once, and hands on every valid one that the file holds later. What is not
 * valid is logged, and the last good one stays.
 *
 * @throws PlatformError ROUTES_INVALID where the first table is not valid
 */
export async function watchRoutes(
  file: string,
  pollMs: number,
  log: Logger,
  apply: (table: LoadedRoutingTable) => void,
): Promise<WatchedFiles> {
  const watched = await WatchedFiles.start([file], pollMs, async () => {
    try {
      const table = await loadRoutes(file);
      apply(table);
      log.info({ file, servers: table.servers.length }, "routing table reloaded");
    } catch (error) {
      const problems = PlatformError.is(error) ? { problems: error.problems } : { err: error };
      log.error({ file, ...problems }, "routing table refused, the last good one stays");
    }
  });
  try {
    apply(await loadRoutes(file));
    return watched;
  } catch (error) {
    watched.close();
    throw error;
  }
}
