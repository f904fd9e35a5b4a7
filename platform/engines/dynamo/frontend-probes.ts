import { frontendPort } from "./graph-name.ts";

/** Probes of a frontend; it answers seconds after its start, whether workers are there or not. */
export function frontendProbes(): Readonly<Record<string, unknown>> {
  const life = { httpGet: { path: "/live", port: frontendPort }, timeoutSeconds: 5 };
  return {
    startupProbe: { ...life, periodSeconds: 5, failureThreshold: 60 },
    livenessProbe: { ...life, periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: {
      httpGet: { path: "/health", port: frontendPort },
      timeoutSeconds: 3,
      periodSeconds: 5,
      failureThreshold: 3,
    },
  };
}
