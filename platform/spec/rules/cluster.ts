import { record, records, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";

/** What a platform in a cluster needs and one on this machine does not. */
export function clusterProblems(spec: Raw): RuleProblem[] {
  const stage = record(spec.metadata).stage;
  if (stage !== "dev" && stage !== "test" && stage !== "prod") return [];
  const problems: RuleProblem[] = [];
  const needed = (key: string, path: string[]): RuleProblem => ({
    code: "SPEC_KEY_MISSING",
    path,
    message: `${key} is missing`,
    allowed: `required at stage ${stage}`,
  });
  if (spec.cluster === undefined) problems.push(needed("cluster", ["cluster"]));
  if (spec.proxy === undefined) problems.push(needed("proxy", ["proxy"]));
  const existing = record(record(spec.cluster).existing);
  const usesDataset = records(spec.engines).some(({ entry }) => record(entry.storage).dataset !== undefined);
  if (usesDataset && spec.cluster !== undefined && existing.efs === undefined) {
    problems.push({
      ...needed("efs", ["cluster", "existing", "efs"]),
      allowed: "required where an engine loads from a dataset",
    });
  }
  return problems;
}
