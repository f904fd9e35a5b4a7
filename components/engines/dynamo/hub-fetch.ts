import type { core } from "@pulumi/kubernetes/types/input.js";
import { dynamoModelRoot } from "../../../platform/engines/dynamo/worker-settings.ts";
import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";

interface HubModel {
  /** Id of the repository. */
  readonly repository: string;
  /** Commit, tag or branch. */
  readonly revision: string;
  /** Where it goes. */
  readonly folder: string;
  /** The worker's image, which has the hub's client. */
  readonly image: string;
  /** Token for repositories that are not public. */
  readonly environment: readonly core.v1.EnvVar[];
}

/** Of the scratch volume, which is sized for downloads. */
const scratchFolder = "models";

/** Where the worker sees what was fetched. */
export const fetchedModels: core.v1.VolumeMount = {
  name: "scratch",
  mountPath: dynamoModelRoot,
  subPath: scratchFolder,
};

/**
 * Fetches a model in exactly the revision of the spec before its worker starts: the runtime fetches the newest, whatever
 * revision its engine then loads.
 *
 * Names go in as variables and never into the script's text.
 */
export function hubFetchContainer(
  { repository, revision, folder, image, environment }: HubModel,
  group: ReplicaGroupPlan,
): core.v1.Container {
  // Within the worker's own requests, which come after it: the pod is planned by those.
  const resources = { cpu: `${group.cpuMillis}m`, memory: `${group.memoryMiB}Mi` };
  return {
    name: "fetch-model",
    image,
    imagePullPolicy: "IfNotPresent",
    command: ["python3", "-c", fetchScript],
    env: [
      { name: "MODEL_REPOSITORY", value: repository },
      { name: "MODEL_REVISION", value: revision },
      { name: "MODEL_FOLDER", value: folder },
      { name: "HOME", value: "/tmp" },
      { name: "HF_HOME", value: "/tmp/hugging-face" },
      ...environment,
    ],
    resources: { requests: resources, limits: resources },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [{ name: "scratch", mountPath: "/tmp" }, fetchedModels],
  };
}

/** `original/` holds the same weights once more, in the form of their authors' own program. */
const fetchScript = `import os
from huggingface_hub import snapshot_download
snapshot_download(
    os.environ["MODEL_REPOSITORY"],
    revision=os.environ["MODEL_REVISION"],
    local_dir=os.environ["MODEL_FOLDER"],
    ignore_patterns=["original/*"],
)`;
