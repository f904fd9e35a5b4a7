import { podProblems } from "./pod-problems.ts";
import { conditionOf, describe, type ReadinessRule } from "./readiness.ts";

export const jobReadiness: ReadinessRule = async (job, cluster) => {
  if (conditionOf(job, "Complete")?.status === "True") return [];
  const failed = conditionOf(job, "Failed");
  if (failed?.status === "True") return [`the job failed: ${describe(failed)}`];
  const problems = await podProblems(
    cluster,
    job.metadata.namespace,
    `batch.kubernetes.io/job-name=${job.metadata.name}`,
  );
  return ["the job has not completed", ...problems];
};
