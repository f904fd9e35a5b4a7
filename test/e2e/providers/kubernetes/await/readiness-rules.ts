import { isDeepStrictEqual } from "node:util";
import { fieldOf, groupOf, type Manifest } from "../manifest.ts";
import { deploymentReadiness } from "./deployment.ts";
import { jobReadiness } from "./job.ts";
import { conditionOf, type ReadinessRule } from "./readiness.ts";
import { serviceReadiness } from "./service.ts";
import { statefulSetReadiness } from "./stateful-set.ts";
import { claimReadiness, volumeReadiness } from "./volumes.ts";
import { waitForAnnotation, waitForReadiness } from "./wait-for.ts";

const skipAnnotation = "pulumi.com/skipAwait";

const quotaReadiness: ReadinessRule = async (quota) =>
  isDeepStrictEqual(fieldOf(quota, "spec", "hard"), fieldOf(quota, "status", "hard"))
    ? []
    : ["the quota is not in force yet"];

const definitionReadiness: ReadinessRule = async (definition) =>
  conditionOf(definition, "Established")?.status === "True" ? [] : ["the definition is not established yet"];

const byKind: Readonly<Record<string, ReadinessRule>> = {
  "/PersistentVolume": volumeReadiness,
  "/PersistentVolumeClaim": claimReadiness,
  "/ResourceQuota": quotaReadiness,
  "/Service": serviceReadiness,
  "apiextensions.k8s.io/CustomResourceDefinition": definitionReadiness,
  "apps/Deployment": deploymentReadiness,
  "apps/StatefulSet": statefulSetReadiness,
  "batch/Job": jobReadiness,
};

const done: ReadinessRule = async () => [];

/** What an object has to reach: what its annotations say, else what is known of its kind, else nothing. */
export function readinessRuleOf({ apiVersion, kind, metadata }: Manifest): ReadinessRule {
  const waitFor = metadata.annotations?.[waitForAnnotation];
  if (metadata.annotations?.[skipAnnotation] === "true") return done;
  if (waitFor !== undefined) return waitForReadiness(waitFor);
  return byKind[`${groupOf(apiVersion)}/${kind}`] ?? done;
}
