import type { DynamoModelOptions } from "./model-options.ts";

/** Five minutes: what a long answer of a large model takes. */
const defaultLongestRequestSeconds = 300;

/**
 * Times of an end, in seconds. Every part has a time limit of its own, and the shortest of them is what counts: pods that
 * are killed while they drain lose what they drain for.
 */
export interface ShutdownTimes {
  /** Longest request that is waited for. */
  readonly requestSeconds: number;
  /** Between leaving the discovery and draining, so that frontends stop sending first. */
  readonly deregisterSeconds: number;
  /** Grace period of a worker's pod. */
  readonly workerGraceSeconds: number;
  /** Between a frontend's removal from the endpoints and its end, so that proxies stop sending first. */
  readonly frontendPreStopSeconds: number;
  /** Grace period of a frontend's pod. */
  readonly frontendGraceSeconds: number;
}

/** The runtime's own. */
const deregisterSeconds = 5;

/** After its last request a worker waits up to 30 s for caches that others still read, and 30 s for its engine. */
const engineEndSeconds = 60;

const frontendPreStopSeconds = 15;
const marginSeconds = 15;

export function shutdownTimes({ longestRequest }: Pick<DynamoModelOptions, "longestRequest">): ShutdownTimes {
  const requestSeconds =
    longestRequest === undefined ? defaultLongestRequestSeconds : Math.ceil(longestRequest / 1_000);
  return {
    requestSeconds,
    deregisterSeconds,
    workerGraceSeconds: deregisterSeconds + requestSeconds + engineEndSeconds + marginSeconds,
    frontendPreStopSeconds,
    frontendGraceSeconds: frontendPreStopSeconds + deregisterSeconds + requestSeconds + marginSeconds,
  };
}

/** Environment of a worker, so that the runtime waits as long as its pod lets it. */
export function workerShutdownEnvironment(times: ShutdownTimes): Readonly<Record<string, string>> {
  return {
    DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: String(times.deregisterSeconds),
    // The runtime's own 15 minutes are longer than any pod here lives on.
    DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: String(times.requestSeconds),
  };
}

/** Environment of a frontend. */
export function frontendShutdownEnvironment(times: ShutdownTimes): Readonly<Record<string, string>> {
  return {
    DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: String(times.deregisterSeconds),
    DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: String(times.requestSeconds),
    // The frontend's own 5 s cut off every answer that is longer.
    DYN_HTTP_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: String(times.requestSeconds),
  };
}
