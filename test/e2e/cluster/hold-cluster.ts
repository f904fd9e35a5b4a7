/** Starts a cluster, says which processes run for it, and waits to be killed. */
import { startCluster } from "../cluster.ts";

const cluster = await startCluster();
process.stdout.write(JSON.stringify({ processes: cluster.processes(), folder: cluster.folder }));
