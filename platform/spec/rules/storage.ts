import type { EngineProfile } from "../../engines/engine-profile.ts";
import { defaultS3Access, type StorageKind } from "../../plan/model-storage.ts";
import { unknownName } from "../nearest.ts";
import { record, records, text, type Raw } from "../raw.ts";
import type { RuleProblem } from "../rules.ts";

/** What a storage is to the engine; undefined where its form is wrong, which the schema reports. */
export function rawStorageKind(storage: unknown, profile: EngineProfile): StorageKind | undefined {
  const url = text(storage);
  if (url !== undefined) {
    const scheme = url.split("://", 1)[0] ?? "";
    if (scheme === "s3") return `s3-${defaultS3Access(profile.storage)}`;
    return kindsByScheme[scheme];
  }
  const { dataset, fsx, huggingFace, s3, access } = record(storage);
  if (dataset !== undefined) return "dataset";
  if (fsx !== undefined) return "fsx";
  if (huggingFace !== undefined) return "hugging-face";
  return s3 !== undefined && (access === "stream" || access === "copy" || access === "mount")
    ? `s3-${access}`
    : undefined;
}

const kindsByScheme: Readonly<Record<string, StorageKind>> = {
  hf: "hugging-face",
  pvc: "pvc",
  oci: "image",
};

export function storageProblems(
  spec: Raw,
  engine: Raw,
  path: readonly PropertyKey[],
  profile: EngineProfile,
): RuleProblem[] {
  const kind = rawStorageKind(engine.storage, profile);
  const dataset = text(record(engine.storage).dataset);
  const datasets = records(record(spec.domino).datasets).flatMap(({ entry }) => text(entry.name) ?? []);
  return [
    ...(kind !== undefined && !profile.storage.includes(kind)
      ? [
          {
            code: "SPEC_STORAGE_UNSUPPORTED",
            path: [...path, "storage"],
            message: `${profile.title} cannot load models from ${kind}`,
            allowed: profile.storage.join(", "),
          } as const,
        ]
      : []),
    ...(dataset !== undefined && !datasets.includes(dataset)
      ? [
          {
            code: "SPEC_REFERENCE_UNKNOWN",
            path: [...path, "storage", "dataset"],
            message: unknownName("dataset", dataset, datasets),
            allowed: datasets.join(", ") || "none are defined under domino.datasets",
          } as const,
        ]
      : []),
    ...(kind === "hugging-face" ? revisionProblems(engine, path) : []),
  ];
}

/** Without a revision a restart could load other weights, and with them other code, than were tested. */
function revisionProblems(engine: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  return records(engine.models).flatMap(({ entry, index }): RuleProblem[] =>
    entry.version === undefined && entry.versions === undefined
      ? [
          {
            code: "SPEC_KEY_MISSING",
            path: [...path, "models", index, "version"],
            message: `model "${text(entry.name) ?? ""}" of a model hub has no version`,
            allowed: "a revision of the repository: best a commit, else a tag",
          },
        ]
      : [],
  );
}
