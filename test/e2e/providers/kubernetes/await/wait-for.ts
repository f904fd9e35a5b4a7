import type { Manifest } from "../manifest.ts";
import { conditionOf, describe, type ReadinessRule } from "./readiness.ts";
import { valuesAt } from "./json-path.ts";

/** What an object is to wait for by its own word; a list of several holds when all of them do. */
export const waitForAnnotation = "pulumi.com/waitFor";

/**
 * `condition=Ready`, `condition=Ready=False`, `jsonpath={.status.phase}=Running`, `jsonpath={.status.address}`, or a JSON
 * array of those.
 *
 * @throws Error for anything else
 */
export function waitForReadiness(annotation: string): ReadinessRule {
  const demands = annotation.startsWith("[") ? (JSON.parse(annotation) as string[]) : [annotation];
  const checks = demands.map(checkOf);
  return async (object) => checks.flatMap((check) => check(object));
}

type Check = (object: Manifest) => readonly string[];

function checkOf(demand: string): Check {
  const [, kind, rest = ""] = /^(condition|jsonpath)=(.+)$/.exec(demand) ?? [];
  if (kind === "condition") {
    const [type = "", status = "True"] = rest.split("=");
    return (object) => {
      const condition = conditionOf(object, type);
      if (condition?.status.toLowerCase() === status.toLowerCase()) return [];
      if (!condition) return [`has no condition ${type}`];
      return [`${type} is ${condition.status}${describe(condition) && ` (${describe(condition)})`}`];
    };
  }
  const [, path, wanted] = (kind === "jsonpath" && /^\{(.+)\}(?:=(.*))?$/.exec(rest)) || [];
  if (path === undefined) throw new Error(`the annotation ${waitForAnnotation} is not understood: ${demand}`);
  return (object) => {
    const values = valuesAt(object, path);
    const holds = wanted === undefined ? values.length > 0 : values.some((value) => String(value) === wanted);
    if (holds) return [];
    return [
      `{${path}} is ${values.map(String).join(", ") || "absent"}${wanted === undefined ? "" : `, not ${wanted}`}`,
    ];
  };
}
