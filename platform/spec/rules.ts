import type { Problem } from "../errors/platform-error.ts";
import type { SpecPath } from "./positions.ts";
import { measurementProblems } from "../scaling/measurement-rules.ts";
import { record, type Raw } from "./raw.ts";
import { addonProblems } from "./rules/add-ons.ts";
import { clusterProblems } from "./rules/cluster.ts";
import { dominoProblems } from "./rules/domino.ts";
import { engineProblems } from "./rules/engines.ts";
import { nodeProblems } from "./rules/nodes.ts";
import { proxyProblems } from "./rules/proxy.ts";
import { acceleratorProblems, knownAccelerators } from "./rules/accelerators.ts";
import { serviceClassProblems } from "./rules/service-classes.ts";

/** A problem before its path is turned into text and a position. */
export interface RuleProblem extends Omit<Problem, "path" | "position"> {
  readonly path: SpecPath;
  /** Point at the key instead of the value. */
  readonly atKey?: boolean;
}

/** Everything about a spec that one value alone cannot show: duplicates, references, contradictions. */
export function ruleProblems(raw: unknown): RuleProblem[] {
  const spec: Raw = record(raw);
  return [
    ...acceleratorProblems(spec),
    ...nodeProblems(spec),
    ...serviceClassProblems(spec),
    ...dominoProblems(spec),
    ...proxyProblems(spec),
    ...engineProblems(spec, knownAccelerators(spec)),
    ...addonProblems(spec),
    ...measurementProblems(spec),
    ...clusterProblems(spec),
  ];
}
