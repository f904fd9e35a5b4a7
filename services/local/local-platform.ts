import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import type { EnginePlan, PlatformPlan, ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import { routesAt } from "../../platform/routes/routes-of.ts";
import type { RoutingTable } from "../../platform/routes/routing-table.ts";
import { startEmulatorWorker } from "../emulator/start-worker.ts";
import { startDashboard } from "../dashboard/server.ts";
import { startProxyProcess } from "./proxy-process.ts";

export interface LocalPlatformOptions {
  readonly plan: PlatformPlan;
  /** Address of proxy and page. */
  readonly host: string;
  /** Of the proxy; 0 takes a free one. */
  readonly port: number;
  /** Of the page; 0 takes a free one. */
  readonly pagePort: number;
  /** Called with one line for every part that is up. */
  readonly onProgress: (line: string) => void;
}

export interface LocalPlatform {
  readonly proxyUrl: string;
  readonly pageUrl: string;
  readonly routes: RoutingTable;
  /** Rejects when a part ends that should not have. Never resolves. */
  readonly failed: Promise<never>;
  /** Ends everything that was started. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Brings a plan up on this machine: an emulated engine for every replica group, each group in a thread of its own, the
 * real proxy as a process, and the page. Where a part does not start, all others are ended before the error is thrown.
 */
export async function startLocalPlatform(options: LocalPlatformOptions): Promise<LocalPlatform> {
  const { plan, onProgress } = options;
  const started: { close(): Promise<void> }[] = [];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      // The last started depends on those before it.
      for (const part of started.toReversed()) await part.close();
    })());
  try {
    const folder = await temporaryFolder();
    started.push({ close: () => rm(folder, { recursive: true, force: true }) });

    const groups = await allOrFirstFailure(
      // One emulated engine does what both pools of a disaggregated model do.
      servingGroups(plan).map(async (group) => {
        const engine = engineOf(plan, group);
        const worker = await startEmulatorWorker({
          group,
          loading: engine.loading,
          protocol: engine.protocol,
        });
        started.push(worker);
        onProgress(`${group.name}: ${group.replicas} emulated ${group.gpusPerReplica}x ${group.accelerator}`);
        return { group, worker };
      }),
    );
    const endpoints = new Map(groups.map(({ group, worker }) => [group.name, worker.endpoints]));
    const routes = routesAt(plan.routes, (group) => endpoints.get(group) ?? []);
    const routesFile = join(folder, "routes.json");
    await writeFile(routesFile, JSON.stringify(routes));

    const proxy = await startProxyProcess({ host: options.host, port: options.port, routesFile });
    started.push(proxy);
    onProgress(`proxy: ${proxy.url}`);
    const page = await startDashboard({
      plan,
      proxyUrl: proxy.url,
      host: options.host,
      port: options.pagePort,
    });
    started.push(page);
    onProgress(`page: ${page.url}`);

    const failed = Promise.race([
      ...groups.map(({ group, worker }) => worker.exited.then(() => partEnded(group.name, closing))),
      proxy.exited.then(() => partEnded("the proxy", closing)),
    ]);
    // Nobody may be listening yet, or any more.
    failed.catch(() => undefined);
    return { proxyUrl: proxy.url, pageUrl: page.url, routes, failed, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Those that routes lead to. */
function servingGroups({ groups }: PlatformPlan): readonly ReplicaGroupPlan[] {
  return groups.filter(({ role }) => role !== "prefill");
}

/** As `Promise.all`, but only once all have settled: what starts after a failure could not be ended any more. */
async function allOrFirstFailure<T>(starting: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(starting);
  return Promise.all(starting);
}

async function temporaryFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), "domino-inference-"));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    throw new PlatformError(
      [
        {
          code: "LOCAL_START_FAILED",
          message: `no folder can be made in ${tmpdir()} (${reason})`,
          remedy: "Point TMPDIR at a folder that can be written.",
        },
      ],
      { cause: error },
    );
  }
}

/** Never settles where the end was asked for. */
function partEnded(part: string, closing: Promise<void> | undefined): Promise<never> {
  if (closing) return new Promise<never>(() => undefined);
  throw new PlatformError([{ code: "LOCAL_START_FAILED", message: `${part} ended by itself` }]);
}

function engineOf(plan: PlatformPlan, group: ReplicaGroupPlan): EnginePlan {
  const engine = plan.engines.find((candidate) => candidate.name === group.engine);
  if (!engine)
    throw new RangeError(`group ${group.name} names engine ${group.engine}, which the plan does not have`);
  return engine;
}
