import type { AddonName } from "../../engines/addon-name.ts";
import { engineProfiles, isEngineType } from "../../engines/registry.ts";
import { record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";

/** What each add-on is called where people look for it. */
const titles: Readonly<Record<AddonName, string>> = {
  keda: "KEDA",
  leaderWorkerSet: "LeaderWorkerSet",
  prometheusOperator: "the Prometheus operator",
  dynamoPlatform: "the Dynamo platform",
};

/**
 * Two installations of an add-on fight over the cluster, and without it nothing that needs it can be created: for each
 * one in use the spec says which it is.
 */
export function addonProblems(spec: Raw): RuleProblem[] {
  const { stage } = record(spec.metadata);
  // No cluster, no add-ons.
  if (stage === "local") return [];
  const users = addonUsers(spec);
  const said = record(spec.addons);
  return [
    ...[...users].flatMap(([name, user]): RuleProblem[] =>
      said[name] === undefined
        ? [
            {
              code: "SPEC_KEY_MISSING",
              path: ["addons", name],
              message: `addons.${name} is missing: ${user} needs ${titles[name]}`,
              allowed: "install, or present where the cluster has it already",
            },
          ]
        : [],
    ),
    ...Object.keys(titles).flatMap((name): RuleProblem[] =>
      said[name] !== undefined && !users.has(name as AddonName)
        ? [
            {
              code: "SPEC_VALUE_CONFLICT",
              path: ["addons", name],
              atKey: true,
              message: `nothing in the spec uses ${titles[name as AddonName]}`,
              allowed: "add-ons that an engine, its autoscaling or its monitors need",
              remedy: "Remove the key.",
            },
          ]
        : [],
    ),
  ];
}

/** The add-ons in use, each with the first that needs it. */
function addonUsers(spec: Raw): ReadonlyMap<AddonName, string> {
  const users = new Map<AddonName, string>();
  const use = (name: AddonName, user: string) => users.set(name, users.get(name) ?? user);
  for (const { entry: engine } of records(spec.engines)) {
    const name = `engine "${text(engine.name) ?? ""}"`;
    const type = text(engine.type);
    if (type !== undefined && isEngineType(type)) {
      for (const addon of engineProfiles[type].addons?.(engine) ?? []) use(addon, name);
    }
    const scaled = [engine, ...records(engine.models).map(({ entry }) => entry)].flatMap(({ autoscaling }) =>
      autoscaling === undefined ? [] : [record(autoscaling)],
    );
    if (scaled.some(({ scaler }) => scaler !== "hpa")) use("keda", `autoscaling of ${name}`);
    // It reads what monitors measure.
    if (scaled.length > 0) use("prometheusOperator", `autoscaling of ${name}`);
  }
  if (record(spec.observability).podMonitors !== undefined) {
    use("prometheusOperator", "observability.podMonitors");
  }
  return users;
}
