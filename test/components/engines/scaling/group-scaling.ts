import type { GroupScalerArgs } from "../../../../components/engines/scaling/group-scaler.ts";
import type { AutoscalingPlan } from "../../../../platform/scaling/autoscaling-plan.ts";
import { chatGroup } from "../../../platform/scaling/measured-group.ts";

/** A group of three planned replicas that take four minutes to start. */
export const scaledGroup = {
  ...chatGroup,
  replicas: 3,
  startupSeconds: 240,
  maxRequestsPerMinutePerReplica: 42.5,
};

export function scalerArgs(autoscaling: Partial<AutoscalingPlan> = {}): GroupScalerArgs {
  return {
    group: scaledGroup,
    autoscaling: {
      scaler: "keda",
      signal: "queue",
      target: 16,
      minReplicas: 1,
      maxReplicas: 8,
      ...autoscaling,
    },
    target: { apiVersion: "apps/v1", kind: "Deployment", name: scaledGroup.name },
    labels: { "app.kubernetes.io/part-of": "domino-inference" },
    queueGauge: "vllm:num_requests_waiting",
    prometheus: "http://prometheus-operated.monitoring.svc:9090",
    proxyNamespace: "platform",
  };
}
