import { Agent, request as sendRequest } from "undici";
import { seededRandom } from "../../../optimizer/simulation/random.ts";
import type { PlatformPlan, ServerPlan } from "../../../platform/plan/platform-plan.ts";
import { realClock } from "../engine/clock.ts";
import { startPoissonArrivals } from "./poisson-arrivals.ts";
import { requestFor, type ServerRequest } from "./server-requests.ts";

export interface LoadOptions {
  /** Of the proxy, without a trailing slash. */
  readonly baseUrl: string;
  /** Every server of it that was placed gets its planned load. */
  readonly plan: Pick<PlatformPlan, "servers">;
  /** The same seed gives the same arrival times. */
  readonly seed: number;
  /** Multiplies every server's planned rate; 1 is the plan's own load. */
  readonly rateFactor: number;
}

export interface ServerLoadReport {
  /** `ServerPlan.id`. */
  readonly id: string;
  /** Requests that went out. */
  readonly sent: number;
  /** Whole answers with status 200. */
  readonly ok: number;
  /** Other statuses, broken connections and streams without an end. */
  readonly failed: number;
  /** Arrivals that were not sent, as too many requests were already outstanding. */
  readonly dropped: number;
  /** Requests that `stop` ended; neither ok nor failed. */
  readonly cancelled: number;
}

export interface LoadReport {
  /** In the order of the plan. */
  readonly servers: readonly ServerLoadReport[];
  readonly seconds: number;
}

export interface RunningLoad {
  /** Ends all arrivals and outstanding requests; later calls give the same report. Never rejects. */
  stop(): Promise<LoadReport>;
}

/**
 * Requests over all servers that may be outstanding. An open loop does not slow down when answers do; without a bound,
 * a platform that stands still would fill the memory of the generator.
 */
const maxOutstanding = 256;

type Tally = { -readonly [Count in keyof ServerLoadReport]: ServerLoadReport[Count] };

/** Sends every placed server its planned load in an open loop: Poisson arrivals that wait for no answer. Never throws. */
export function startLoad({ baseUrl, plan, seed, rateFactor }: LoadOptions): RunningLoad {
  const startedMs = realClock.nowMs();
  // One connection a request: a queue in the client would close the loop.
  const agent = new Agent({ connections: maxOutstanding, pipelining: 1 });
  const aborter = new AbortController();
  const outstanding = new Set<Promise<void>>();

  const send = async (request: ServerRequest, tally: Tally): Promise<void> => {
    tally.sent++;
    const ok = await exchange(agent, baseUrl, request, aborter.signal).catch(() => false);
    if (ok) tally.ok++;
    else if (aborter.signal.aborted) tally.cancelled++;
    else tally.failed++;
  };
  const arrive = (request: ServerRequest, tally: Tally): void => {
    if (outstanding.size >= maxOutstanding) {
      tally.dropped++;
      return;
    }
    const sending = send(request, tally);
    outstanding.add(sending);
    void sending.finally(() => outstanding.delete(sending));
  };
  const loads = plan.servers.filter(isPlaced).map((server) => {
    const tally: Tally = { id: server.id, sent: 0, ok: 0, failed: 0, dropped: 0, cancelled: 0 };
    const request = requestFor(server);
    const ratePerMinute = server.load.requestsPerMinute * rateFactor;
    const random = seededRandom(seed, server.id);
    return {
      tally,
      end: startPoissonArrivals(ratePerMinute, random, realClock, () => arrive(request, tally)),
    };
  });
  const end = async (): Promise<LoadReport> => {
    for (const load of loads) load.end();
    aborter.abort();
    await Promise.all(outstanding);
    await agent.destroy();
    return { servers: loads.map(({ tally }) => tally), seconds: (realClock.nowMs() - startedMs) / 1000 };
  };
  let ended: Promise<LoadReport> | undefined;
  return { stop: () => (ended ??= end()) };
}

function isPlaced(server: ServerPlan): boolean {
  return server.group !== undefined;
}

/** Sends a request and reads its whole answer; true where it is a complete one with status 200. */
async function exchange(
  agent: Agent,
  baseUrl: string,
  { path, headers, body, streams }: ServerRequest,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await sendRequest(`${baseUrl}${path}`, {
    dispatcher: agent,
    method: "POST",
    headers,
    body,
    signal,
  });
  let tail = "";
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    if (streams) tail = (tail + chunk.toString("latin1")).slice(-16);
  }
  return answer.statusCode === 200 && (!streams || tail.endsWith("data: [DONE]\n\n"));
}
