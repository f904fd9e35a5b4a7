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

/** Enough that a request waits for a connection only where the server is far behind. */
const connectionCount = 64;
/** Longest sleep in ms between two looks at the clock and at the sockets: less than what is measured. */
const sleepMs = 0.05;
/** How long answers are waited for after the last request, in ms. */
const patienceMs = 20_000;

/**
 * Sends requests at a rate and gives their latencies in ms, each from when the request was due to its last byte.
 *
 * @throws Error where an answer is not 200 or does not come
 */
export async function runPaced(url: string, options: PacedOptions): Promise<readonly number[]> {
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
): Promise<readonly number[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
  const random = seededRandom(1, "arrivals");
  const bodies = requests.map((request) => requestBytes(url, request));
  const idle = [...connections];
  const waiting: number[] = [];
  const latenciesMs: number[] = [];
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const endMs = performance.now() + seconds * 1000;
  let nextMs = performance.now();
  let running = 0;

  const send = (connection: LoadConnection, dueMs: number): void => {
    running++;
    const bytes = bodies[Math.floor(random() * bodies.length)] ?? Buffer.alloc(0);
    connection.send(bytes, () => {
      latenciesMs.push(performance.now() - dueMs);
      running--;
      const overdueMs = waiting.shift();
      if (overdueMs === undefined) idle.push(connection);
      else send(connection, overdueMs);
    });
  };
  const step = (): void => {
    const nowMs = performance.now();
    for (; nextMs <= nowMs && nextMs < endMs; nextMs += exponential(random, 1000 / perSecond)) {
      // The one longest unused: fewer are closed for idleness meanwhile.
      const connection = idle.shift();
      if (connection === undefined) waiting.push(nextMs);
      else send(connection, nextMs);
    }
    if (nextMs >= endMs && running === 0) return resolve(latenciesMs);
    if (nowMs > endMs + patienceMs) return reject(new Error(`${running} answers of ${url} are missing`));
    // Timers of Node.js are whole milliseconds; this sleeps for less, and leaves the core to the engine meanwhile.
    const restMs = Math.min(sleepMs, nextMs - performance.now());
    if (restMs > 0) Atomics.wait(clock, 0, 0, restMs);
    setImmediate(step);
  };
  setImmediate(step);
  return promise;
}
