import { record, records, text, type Raw } from "../spec/raw.ts";
import type { RuleProblem } from "../spec/rules.ts";

/** Autoscaling reads what monitors measure: they, and whom KEDA asks for it, have to be in the spec. */
export function measurementProblems(spec: Raw): RuleProblem[] {
  // Nothing scales the processes of one machine.
  if (record(spec.metadata).stage === "local") return [];
  const written = records(spec.engines).flatMap(({ entry }) =>
    [entry, ...records(entry.models).map((model) => model.entry)].flatMap(({ autoscaling }) =>
      autoscaling === undefined ? [] : [record(autoscaling)],
    ),
  );
  const observability = record(spec.observability);
  const missing = (key: string, message: string, allowed: string): RuleProblem[] =>
    observability[key] === undefined
      ? [{ code: "SPEC_KEY_MISSING", path: ["observability", key], message, allowed }]
      : [];
  return [
    ...(written.length > 0
      ? missing(
          "podMonitors",
          "observability.podMonitors is missing: autoscaling reads what they measure",
          "{}, or labels that the cluster's Prometheus selects monitors by",
        )
      : []),
    ...(written.some(({ scaler }) => (text(scaler) ?? "keda") === "keda")
      ? missing(
          "prometheus",
          "observability.prometheus is missing: KEDA asks it",
          "an address such as http://prometheus-operated.monitoring.svc:9090",
        )
      : []),
  ];
}
