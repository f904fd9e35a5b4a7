import type { core } from "@pulumi/kubernetes/types/input.js";
import { engineProfiles } from "../../platform/engines/registry.ts";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";

/** Exact tag of AWS's own image of its CLI. */
export const awsCliImage = "public.ecr.aws/aws-cli/aws-cli:2.31.38";

interface CopySource {
  readonly bucket: string;
  readonly prefix: string;
  readonly region: string;
}

/**
 * Copies the versions that a group serves from S3 to the node's disk before its engine starts. An empty folder is a
 * failure: an engine would start with it and answer that it knows no such model.
 *
 * Names go in as arguments and never into the script's text.
 */
export function modelCopyContainer(
  { bucket, prefix, region }: CopySource,
  group: ReplicaGroupPlan,
  target: { readonly name: string; readonly mountPath: string },
): core.v1.Container {
  const base = ["s3:/", bucket, ...(prefix === "" ? [] : [prefix])].join("/");
  const { hasFiles } = engineProfiles[group.engineType];
  const folders = group.models
    .filter(({ options }) => hasFiles?.(options) ?? true)
    .flatMap((model) => model.versions.map(({ version }) => `${model.name}/${version}`));
  return {
    name: "copy-models",
    image: awsCliImage,
    imagePullPolicy: "IfNotPresent",
    command: ["sh", "-euc", copyScript, "copy-models", base, target.mountPath, ...folders],
    env: [
      { name: "AWS_REGION", value: region },
      // The CLI writes its cache of credentials there; the root is read-only.
      { name: "HOME", value: "/tmp" },
    ],
    // Within the engine's own requests, which come after it and are larger: the pod is planned by those.
    resources: {
      requests: { cpu: "500m", memory: "512Mi" },
      limits: { cpu: "500m", memory: "512Mi" },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: target.name, mountPath: target.mountPath },
      { name: "scratch", mountPath: "/tmp" },
    ],
  };
}

/** Arguments: the S3 prefix, the target folder, and the folders to copy. */
export const copyScript = `base=$1; target=$2; shift 2
for folder in "$@"; do
  aws s3 cp --recursive --only-show-errors "$base/$folder/" "$target/$folder/"
  if [ -z "$(ls -A "$target/$folder" 2>/dev/null)" ]; then
    echo "there is nothing at $base/$folder/" >&2
    exit 1
  fi
  # What lies beside the versions, such as labels or an environment of Python.
  model=\${folder%/*}
  aws s3 cp --recursive --only-show-errors --exclude "*/*" "$base/$model/" "$target/$model/"
done`;
