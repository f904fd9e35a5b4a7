import type { ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { tritonModelOptions } from "./model-options.ts";

/** Where the container sees the models as they lie on their storage, which nothing may write to. */
export const tritonModelRoot = "/models";

/** Where the repository is laid out that Triton reads. */
export const tritonRepository = "/repository";

/** Where the generated configurations are mounted. */
export const tritonConfigFolder = "/etc/triton-models";

export interface RepositoryFolders {
  readonly models: string;
  readonly configs: string;
  readonly repository: string;
}

/**
 * Makes `<repository>/<model>/config.pbtxt` and `<repository>/<model>/<version>`, a link to the folder on the storage.
 * Links hold paths: a version that is renamed into place later is seen by the next load.
 *
 * Arguments: the folders of models, configurations and repository, then one word for each version, `<model>/<version>`,
 * with a `+` before it for an ensemble, which has no files. Every missing folder is named before the script gives up.
 */
export const layoutScript = `models=$1; configs=$2; repository=$3; shift 3
missing=0
miss() {
  echo "model repository: $1" >&2
  missing=$((missing + 1))
}
link() {
  rm -f "$2"
  ln -s "$1" "$2"
}
# Files beside the versions: labels of classes, environments of Python models. The configuration is the platform's.
link_beside() {
  for entry in "$models/$1"/*; do
    name=\${entry##*/}
    case $name in
      config.pbtxt) continue ;;
      *[!0-9]*) link "$entry" "$repository/$1/$name" ;;
    esac
  done
}
for word in "$@"; do
  folder=\${word#+}
  model=\${folder%/*}
  mkdir -p "$repository/$model"
  cp -f "$configs/$model.pbtxt" "$repository/$model/config.pbtxt"
  if [ "$word" != "$folder" ]; then
    mkdir -p "$repository/$folder"
  elif [ ! -d "$models/$folder" ]; then
    miss "there is no folder $models/$folder"
  elif [ -z "$(ls -A "$models/$folder")" ]; then
    miss "the folder $models/$folder is empty"
  else
    link_beside "$model"
    link "$models/$folder" "$repository/$folder"
  fi
done
if [ "$missing" -gt 0 ]; then
  echo "model repository: $missing of $# versions are not on the storage" >&2
  exit 1
fi
`;

/** What runs the script in a container, or anywhere else. */
export function layoutCommand(
  models: ReplicaGroupPlan["models"],
  { models: root, configs, repository }: RepositoryFolders,
): readonly string[] {
  const versions = models.flatMap((model) => {
    const mark = tritonModelOptions(model).ensemble ? "+" : "";
    return model.versions.map(({ version }) => `${mark}${model.name}/${version}`);
  });
  return ["/bin/sh", "-euc", layoutScript, "lay-out-repository", root, configs, repository, ...versions];
}
