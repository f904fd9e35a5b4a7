import type { ReplicaGroupPlan } from "../../plan/platform-plan.ts";

/**
 * Where the processes of a replica that spans several nodes find each other. vLLM's own executor for several nodes does
 * it: no Ray cluster, which would be a second scheduler in every replica.
 */
export const rendezvousPort = 29_500;

/** What LeaderWorkerSet puts into the environment of every container; Kubernetes expands it in a command. */
const leaderAddress = "$(LWS_LEADER_ADDRESS)";
const nodeRank = "$(LWS_WORKER_INDEX)";

/** A replica group, as far as its processes have to know of it. */
type SpanningGroup = Pick<ReplicaGroupPlan, "nodesPerReplica" | "startupSeconds">;

/** PyTorch's own, after which a process gives up on the others. */
const leastTimeoutSeconds = 600;

function groupArguments({ nodesPerReplica, startupSeconds }: SpanningGroup, rank: string): string[] {
  return [
    "--distributed-executor-backend=mp",
    `--nnodes=${nodesPerReplica}`,
    `--node-rank=${rank}`,
    `--master-addr=${leaderAddress}`,
    `--master-port=${rendezvousPort}`,
    // One node may read its weights as much later than another as the plan lets it take.
    `--distributed-timeout-seconds=${Math.max(leastTimeoutSeconds, startupSeconds)}`,
  ];
}

/** What the process on the first node is told, which has the API. */
export function leaderArguments(group: SpanningGroup): readonly string[] {
  return group.nodesPerReplica === 1 ? [] : groupArguments(group, "0");
}

/** What the processes on the other nodes are told: no API, only their part of the model. */
export function workerArguments(group: SpanningGroup): readonly string[] {
  return [...groupArguments(group, nodeRank), "--headless"];
}

/**
 * Waits until every other pod of the replica has an address: vLLM gives up after ten minutes without them, and a node
 * may take longer to come up.
 */
export const waitForWorkers = `import os, socket, time
leader, domain = os.environ["LWS_LEADER_ADDRESS"].split(".", 1)
for index in range(1, int(os.environ["LWS_GROUP_SIZE"])):
    while True:
        try:
            socket.getaddrinfo(f"{leader}-{index}.{domain}", None)
            break
        except OSError:
            time.sleep(5)
`;

/** Waits until the leader listens: a worker that starts before it gives up, and with it the whole replica. */
export const waitForLeader = `import os, socket, time
while True:
    try:
        socket.create_connection((os.environ["LWS_LEADER_ADDRESS"], ${rendezvousPort}), 5).close()
        break
    except OSError:
        time.sleep(5)
`;

/** Labels that LeaderWorkerSet gives the pods of each group. */
export const leaderLabel = { "leaderworkerset.sigs.k8s.io/worker-index": "0" } as const;
export const groupKeyLabel = "leaderworkerset.sigs.k8s.io/group-key";

export interface LeaderWorkerSetParts<Template> {
  /** Absent where an autoscaler owns it. */
  readonly replicas?: number;
  readonly nodesPerReplica: number;
  readonly leader: Template;
  readonly worker: Template;
}

/** `spec` of a LeaderWorkerSet. */
export interface LeaderWorkerSetSpec<Template> {
  readonly replicas?: number;
  readonly startupPolicy: "LeaderCreated";
  readonly rolloutStrategy: {
    readonly type: "RollingUpdate";
    readonly rollingUpdateConfiguration: { readonly maxUnavailable: 1; readonly maxSurge: 0 };
  };
  readonly leaderWorkerTemplate: {
    readonly size: number;
    readonly restartPolicy: "RecreateGroupOnPodRestart";
    readonly leaderTemplate: Template;
    readonly workerTemplate: Template;
  };
}

/** Replicas of a leader and its workers, one pod a node. */
export function leaderWorkerSetSpec<Template>({
  replicas,
  nodesPerReplica,
  leader,
  worker,
}: LeaderWorkerSetParts<Template>): LeaderWorkerSetSpec<Template> {
  return {
    ...(replicas === undefined ? {} : { replicas }),
    // A leader is ready only with its workers: waiting for it would wait for ever.
    startupPolicy: "LeaderCreated",
    rolloutStrategy: {
      type: "RollingUpdate",
      // The plan buys no spare nodes for a rollout: a replica must go before its successor finds a place.
      rollingUpdateConfiguration: { maxUnavailable: 1, maxSurge: 0 },
    },
    leaderWorkerTemplate: {
      size: nodesPerReplica,
      // A process that comes back alone cannot rejoin the others.
      restartPolicy: "RecreateGroupOnPodRestart",
      leaderTemplate: leader,
      workerTemplate: worker,
    },
  };
}
