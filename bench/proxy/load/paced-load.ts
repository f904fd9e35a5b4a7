import { mostHeldOffMs, type HeldOff } from "../held-off.ts";
import { exponential, seededRandom } from "../../../optimizer/simulation/random.ts";
import { LoadConnection, requestBytes } from "./load-connection.ts";
import type { RepeatedRequest } from "./wrk.ts";

export interface PacedOptions {
  /** Mean rate of a Poisson process: requests come whether or not earlier ones are answered. */
  readonly perSecond: number;
  readonly seconds: number;
  /** One is drawn for each arrival; twice in the list is twice as often. */
  readonly requests: readonly RepeatedRequest[];
}

/** What became of the requests, in the order of their answers. */
export interface PacedRun {
  /** From when a request was due to the last byte of its answer. */
  readonly latenciesMs: readonly number[];
  /** When it was due, by `performance.now()`. */
  readonly dueMs: readonly number[];
  /**
   * When the load itself was kept from its core. No server can bring that about: the engine, which has the same core,
   * answers all connections in less time.
   */
  readonly heldOff: readonly HeldOff[];
}

/** Enough that a request waits for a connection only where the server is far behind. */
const connectionCount = 64;
/** Longest sleep in ms between two looks at the clock and at the sockets: less than what is measured. */
const sleepMs = 0.05;
/** How long answers are waited for after the last request, in ms. */
const patienceMs = 20_000;

/**
 * Sends requests at a rate and measures how long each takes.
 *
 * @throws Error where an answer is not 200 or does not come
 */
export async function runPaced(url: string, options: PacedOptions): Promise<PacedRun> {
  const failed = Promise.withResolvers<never>();
  const connections = Array.from(
    { length: connectionCount },
    () => new LoadConnection(url, (reason) => failed.reject(new Error(`${url}: ${reason}`))),
  );
  try {
    return await Promise.race([arrivals(connections, url, options), failed.promise]);
  } finally {
    for (const connection of connections) connection.close();
  }
}

function arrivals(
  connections: readonly LoadConnection[],
  url: string,
  { perSecond, seconds, requests }: PacedOptions,
): Promise<PacedRun> {
  const { promise, resolve, reject } = Promise.withResolvers<PacedRun>();
  const random = seededRandom(1, "arrivals");
  const bodies = requests.map((request) => requestBytes(url, request));
  const idle = [...connections];
  const waiting: number[] = [];
  const latenciesMs: number[] = [];
  const sentDueMs: number[] = [];
  const heldOff: HeldOff[] = [];
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const endMs = performance.now() + seconds * 1000;
  let nextMs = performance.now();
  let running = 0;
  let lookedAtMs = performance.now();
  let cpuMs = ownCpuMs();

  const send = (connection: LoadConnection, dueMs: number): void => {
    running++;
    const bytes = bodies[Math.floor(random() * bodies.length)] ?? Buffer.alloc(0);
    connection.send(bytes, () => {
      latenciesMs.push(performance.now() - dueMs);
      sentDueMs.push(dueMs);
      running--;
      const overdueMs = waiting.shift();
      if (overdueMs === undefined) idle.push(connection);
      else send(connection, overdueMs);
    });
  };
  const step = (): void => {
    const nowMs = performance.now();
    const cpuNowMs = ownCpuMs();
    if (nowMs - lookedAtMs - (cpuNowMs - cpuMs) > mostHeldOffMs)
      heldOff.push({ fromMs: lookedAtMs, untilMs: nowMs });
    lookedAtMs = nowMs;
    cpuMs = cpuNowMs;
    for (; nextMs <= nowMs && nextMs < endMs; nextMs += exponential(random, 1000 / perSecond)) {
      // The one longest unused: fewer are closed for idleness meanwhile.
      const connection = idle.shift();
      if (connection === undefined) waiting.push(nextMs);
      else send(connection, nextMs);
    }
    if (nextMs >= endMs && running === 0) return resolve({ latenciesMs, dueMs: sentDueMs, heldOff });
    if (nowMs > endMs + patienceMs) return reject(new Error(`${running} answers of ${url} are missing`));
    // Timers of Node.js are whole milliseconds; this sleeps for less, and leaves the core to the engine meanwhile.
    const restMs = Math.min(sleepMs, nextMs - performance.now());
    if (restMs > 0) Atomics.wait(clock, 0, 0, restMs);
    setImmediate(step);
  };
  setImmediate(step);
  return promise;
}

function ownCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
