import { compareText } from "../../../optimizer/text-order.ts";
import type { ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { tritonModelOptions } from "./model-options.ts";

/** A version whose files are brought from S3 to the engine's volume. */
export interface StagedVersion {
  readonly model: string;
  readonly version: string;
  readonly bucket: string;
  /** Without leading or trailing slash. */
  readonly prefix: string;
}

/** What the pod of a staging job requests: the AWS CLI, which holds a few parts of a file in memory. */
export const stagingPod = { cpuMillis: 500, memoryMiB: 1024 } as const;

/** File in a staged version that says where it comes from; servers read past it. */
export const stagingMarker = ".staged-from";

/** The versions of an engine that are staged, those of one model after another. */
export function stagedVersions(
  groups: readonly Pick<ReplicaGroupPlan, "models">[],
): readonly StagedVersion[] {
  const found = new Map<string, StagedVersion>();
  for (const model of groups.flatMap((group) => group.models)) {
    const artifacts = tritonModelOptions(model).artifacts ?? {};
    for (const { version } of model.versions) {
      const source = artifacts[version];
      if (source === undefined) continue;
      const [bucket = "", ...prefix] = source.slice("s3://".length).split("/");
      found.set(`${model.name}/${version}`, {
        model: model.name,
        version,
        bucket,
        prefix: prefix.filter(Boolean).join("/"),
      });
    }
  }
  return [...found].toSorted(([left], [right]) => compareText(left, right)).map(([, staged]) => staged);
}

/**
 * Brings versions from S3 into a folder of models. Each is loaded beside the models, checked against the listing of its
 * source, and renamed into place in one step, so that a reader sees all of a version or nothing. A version that is there
 * already is left alone if it came from the same source; with another one the script fails, since a version never
 * changes. What an earlier run left behind is removed first.
 *
 * Arguments: the folder of models, a name for the folder to load into, which no other run uses, then three words for
 * each version: `<model>/<version>`, bucket and prefix.
 */
export const stagingScript = `root=$1; staging=$1/.staging-$2; shift 2
fail() {
  echo "staging: $1" >&2
  exit 1
}
# How many files there are below a folder. Links count too: none came from S3.
files_below() (
  total=0
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -d "$entry" ] && [ ! -L "$entry" ]; then
      total=$((total + $(files_below "$entry")))
    elif [ -e "$entry" ] || [ -L "$entry" ]; then
      total=$((total + 1))
    fi
  done
  echo "$total"
)
# One line for each object: size, entity tag, key; None where there are none. Keys that end in a slash are folders.
list() {
  aws s3api list-objects-v2 --bucket "$bucket" --prefix "$prefix/" --output text \\
    --query "Contents[?!ends_with(Key, '/')].[Size, ETag, Key]"
}
# Every object of the listing is there with its size, and no other file.
check() {
  objects=0
  bytes=0
  while read -r size _ key; do
    [ "$size" != None ] || continue
    file=$work/\${key#"$prefix/"}
    [ -f "$file" ] || fail "$source: $key did not arrive"
    [ "$(wc -c <"$file")" -eq "$size" ] || fail "$source: $key did not arrive in full"
    objects=$((objects + 1))
    bytes=$((bytes + size))
  done <"$staging/listing"
  [ "$objects" -gt 0 ] || fail "$source has no objects"
  files=$(files_below "$work")
  [ "$files" -eq "$objects" ] || fail "$source: $files files arrived for $objects objects"
}
# Whether the version is in its place and came from the source; fails where it came from elsewhere.
in_place() {
  [ -e "$target" ] || [ -L "$target" ] || return 1
  [ ! -L "$target" ] || fail "$target is a link, not a folder"
  [ -f "$target/${stagingMarker}" ] || fail "$target is there already and was not staged; use another version"
  origin=$(head -n 1 "$target/${stagingMarker}")
  [ "$origin" = "$source" ] || fail "$target came from $origin, not from $source; versions never change, use another one"
}
stage() {
  source=s3://$bucket/$prefix
  target=$root/$folder
  work=$staging/files
  if in_place; then
    echo "$folder: there already, from $source"
    return
  fi
  [ ! -L "\${target%/*}" ] || fail "\${target%/*} is a link, not a folder"
  mkdir -p "$work"
  list >"$staging/listing"
  aws s3 cp --recursive --only-show-errors "$source/" "$work/"
  check
  list >"$staging/listing-after"
  [ "$(cat "$staging/listing")" = "$(cat "$staging/listing-after")" ] ||
    fail "$source changed while it was read; stage it again when it is complete"
  printf '%s\\n%s objects, %s bytes\\n' "$source" "$objects" "$bytes" >"$work/${stagingMarker}"
  mkdir -p "\${target%/*}"
  # Without -T a folder that another run has put there would take this one into itself.
  mv -T "$work" "$target" || in_place || fail "$work cannot be renamed to $target"
  echo "$folder: $objects objects, $bytes bytes from $source"
}
[ -d "$root" ] || fail "there is no folder $root"
rm -rf "$staging"
trap 'rm -rf "$staging"' EXIT
while [ "$#" -gt 0 ]; do
  folder=$1; bucket=$2; prefix=$3; shift 3
  stage
  rm -rf "$staging"
done
`;

/**
 * What runs the script in a container, or anywhere else.
 *
 * @param owner begins the name of the folder that versions are loaded into: one run at a time may have it
 */
export function stagingCommand(
  versions: readonly StagedVersion[],
  { root, owner }: { readonly root: string; readonly owner: string },
): readonly string[] {
  const words = versions.flatMap(({ model, version, bucket, prefix }) => [
    `${model}/${version}`,
    bucket,
    prefix,
  ]);
  return ["/bin/sh", "-euc", stagingScript, "stage-models", root, owner, ...words];
}
