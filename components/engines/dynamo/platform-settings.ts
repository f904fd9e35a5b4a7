import { dynamoEngineOptions } from "../../../platform/engines/dynamo/engine-options.ts";
import type { PlatformPlan } from "../../../platform/plan/platform-plan.ts";
import type { DynamoPlatformSettings } from "../../addons/dynamo-platform-addon.ts";
import type { Monitoring } from "../engine-args.ts";

/**
 * What the Dynamo platform is installed with for the engines of a plan, which all name one release; undefined where there
 * are none. It makes no monitors: the platform's own measure graphs, under labels that its queries know.
 */
export function dynamoPlatformSettings(
  { engines, groups }: Pick<PlatformPlan, "engines" | "groups">,
  { prometheus }: Monitoring,
): DynamoPlatformSettings | undefined {
  const own = engines.filter(({ type }) => type === "dynamo");
  const [first] = own;
  if (!first) return undefined;
  const spanning = own.find((engine) =>
    groups.some((group) => group.engine === engine.name && group.nodesPerReplica > 1),
  );
  return {
    version: dynamoEngineOptions(first).version,
    nats: own.some((engine) => dynamoEngineOptions(engine).eventPlane === "nats"),
    ...(spanning
      ? {
          multiNode:
            dynamoEngineOptions(spanning).multiNode === "grove"
              ? ("grove" as const)
              : ("leaderWorkerSet" as const),
        }
      : {}),
    ...(prometheus === undefined ? {} : { prometheus }),
  };
}
