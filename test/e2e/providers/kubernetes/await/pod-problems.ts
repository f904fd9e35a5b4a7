import type { ClusterObjects } from "../cluster-objects.ts";
import { listOf, textOf, type Manifest } from "../manifest.ts";
import { conditionOf, describe } from "./readiness.ts";

const maxPods = 3;

/** What pods themselves say of why they do not run; the first few of them. */
export async function podProblems(
  cluster: ClusterObjects,
  namespace: string | undefined,
  labelSelector: string,
): Promise<readonly string[]> {
  const pods = await cluster.list({ apiVersion: "v1", kind: "Pod" }, namespace, labelSelector);
  return pods.flatMap(problemsOf).slice(0, maxPods);
}

function problemsOf(pod: Manifest): readonly string[] {
  const scheduled = conditionOf(pod, "PodScheduled");
  const unscheduled = scheduled?.status === "False" ? [describe(scheduled)] : [];
  const waiting = listOf(pod, "status", "containerStatuses").flatMap((container) => {
    const reason = textOf(container, "state", "waiting", "reason");
    const message = textOf(container, "state", "waiting", "message");
    return reason === undefined ? [] : [[reason, message].filter(Boolean).join(": ")];
  });
  return [...unscheduled, ...waiting].map((problem) => `pod ${pod.metadata.name}: ${problem}`);
}
