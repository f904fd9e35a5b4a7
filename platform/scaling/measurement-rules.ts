import { record, records, text, type Raw } from "../spec/raw.ts";
import { prometheusNamespace } from "./prometheus-namespace.ts";
import type { RuleProblem } from "../spec/rules.ts";

/** Policies let nobody in by default: whoever scrapes has to be known. */
function scraperProblems({ podMonitors, prometheus }: Raw): RuleProblem[] {
  if (podMonitors === undefined || record(podMonitors).namespace !== undefined) return [];
  const address = text(prometheus);
  if (address !== undefined && URL.canParse(address) && prometheusNamespace(address) !== undefined) return [];
  return [
    {
      code: "SPEC_KEY_MISSING",
      path: ["observability", "podMonitors", "namespace"],
      message: "nothing says where Prometheus' pods are, and the platform's policies let in nobody else",
      allowed: "podMonitors.namespace, or prometheus: http://<service>.<namespace>.svc:9090",
    },
  ];
}

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
    ...scraperProblems(observability),
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
