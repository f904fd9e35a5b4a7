// The proxy under test in a process of its own: says its port to its parent and ends with it.
import { pino } from "pino";
import { startProxy } from "../../../../services/proxy/server.ts";

const [routesFile = ""] = process.argv.slice(2);
const proxy = await startProxy({
  routesFile,
  auth: { kind: "none" },
  log: pino({ level: "fatal" }),
  port: 0,
  // A reload has to be seen soon: there are a hundred.
  filesPollMs: 20,
});
process.on("disconnect", () => process.exit());
process.on("message", () => {
  process.send?.({ residentMiB: process.memoryUsage.rss() / 2 ** 20 });
});
process.send?.({ port: proxy.port });
