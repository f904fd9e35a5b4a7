import { systemPort } from "./graph-name.ts";

const startupPeriodSeconds = 10;

/**
 * Probes of a worker in place of the operator's, which restart it at the first answer that takes over 4 s: a worker whose
 * cards are busy answers late.
 *
 * @param startupSeconds from start to ready
 */
export function workerProbes(startupSeconds: number): Readonly<Record<string, unknown>> {
  const health = { httpGet: { path: "/health", port: systemPort }, timeoutSeconds: 5 };
  return {
    // Of health, and not of life as the operator's: the process lives long before the model is loaded.
    startupProbe: {
      ...health,
      periodSeconds: startupPeriodSeconds,
      failureThreshold: Math.ceil(startupSeconds / startupPeriodSeconds),
    },
    // A minute of silence is a hang.
    livenessProbe: {
      httpGet: { path: "/live", port: systemPort },
      timeoutSeconds: 5,
      periodSeconds: 10,
      failureThreshold: 6,
    },
    readinessProbe: { ...health, periodSeconds: 5, failureThreshold: 3 },
  };
}
