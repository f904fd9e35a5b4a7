import { catalogOf, newestCatalog } from "../../optimizer/catalog/registry.ts";
import { numberAt, textAt } from "../known-values.ts";
import type { PolicyContext } from "../policy.ts";

/** Budget and prices for a pack, which sees resources but no plan. Keys: see the policy's `configSchema`. */
export function contextOfConfig(config: Readonly<Record<string, unknown>>): PolicyContext {
  const version = textAt(config, "catalog");
  const catalog = version === undefined ? newestCatalog : catalogOf(version);
  const budgetUsdPerHour = numberAt(config, "budgetUsdPerHour");
  return {
    ...(budgetUsdPerHour === undefined ? {} : { budgetUsdPerHour }),
    usdPerHourOf: (instanceType) =>
      numberAt(config, "usdPerHour", instanceType) ??
      [...(catalog?.instanceTypes ?? []), ...(catalog?.partial.instanceTypes ?? [])].find(
        ({ name }) => name === instanceType,
      )?.usdPerHour,
  };
}
