import type { AddonName } from "../engines/addon-name.ts";
import { engineProfiles, isEngineType } from "../engines/registry.ts";
import { record, records, text, type Raw } from "./raw.ts";

/** What each add-on is called where people look for it. */
export const addonTitles: Readonly<Record<AddonName, string>> = {
  keda: "KEDA",
  leaderWorkerSet: "LeaderWorkerSet",
  prometheusOperator: "the Prometheus operator",
  dynamoPlatform: "the Dynamo platform",
};

/** The add-ons that a spec uses, as written or as parsed, each with the first that needs it, such as `engine "chat"`. */
export function addonUsers(spec: Raw): ReadonlyMap<AddonName, string> {
  const users = new Map<AddonName, string>();
  // No cluster, no add-ons.
  if (record(spec.metadata).stage === "local") return users;
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
