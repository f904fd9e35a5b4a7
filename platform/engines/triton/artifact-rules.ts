import { record, records, text, type Raw } from "../../spec/raw.ts";
import type { RuleProblem } from "../../spec/rules.ts";
import { versionsInUse } from "./versions-in-use.ts";

/** Files can be staged onto a volume, for versions that somebody uses, from one bucket that one role reads. */
export function artifactProblems(engine: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const models = records(engine.models).flatMap(({ entry, index }) => {
    const { artifacts } = record(entry.triton);
    const place = [...path, "models", index, "triton", "artifacts"];
    return artifacts === undefined ? [] : [{ model: entry, artifacts: record(artifacts), place }];
  });
  const [firstBucket] = models.flatMap(({ artifacts }) => Object.values(artifacts).flatMap(bucketOf));
  const writable = isWritable(engine.storage);
  return models.flatMap(({ model, artifacts, place }): RuleProblem[] => {
    const used = versionsInUse(model);
    return [
      ...(writable
        ? []
        : [
            {
              code: "SPEC_COMBINATION_UNSUPPORTED",
              path: place,
              atKey: true,
              message: "artifacts are staged onto a volume, and the engine's storage is no volume",
              allowed: "storage in a dataset, a claim (pvc://) or FSx",
              remedy: "Serve from where the artifacts are, or put the models on a volume.",
            } as const,
          ]),
      ...Object.entries(artifacts).flatMap(([version, source]): RuleProblem[] => [
        ...(used.includes(version)
          ? []
          : [
              {
                code: "SPEC_REFERENCE_UNKNOWN",
                path: [...place, version],
                atKey: true,
                message: `version ${version} of the model is not in use`,
                allowed: used.join(", "),
              } as const,
            ]),
        ...bucketOf(source)
          .filter((bucket) => bucket !== firstBucket)
          .map((bucket): RuleProblem => ({
            code: "SPEC_VALUE_CONFLICT",
            path: [...place, version],
            message: `the engine stages from ${firstBucket} already, and its role reads one bucket, not ${bucket} too`,
            allowed: `s3://${firstBucket}/…`,
          })),
      ]),
    ];
  });
}

function bucketOf(source: unknown): readonly string[] {
  const bucket = /^s3:\/\/([^/]+)/.exec(text(source) ?? "")?.[1];
  return bucket === undefined ? [] : [bucket];
}

/** Whether models can be put there; a storage in no known form is the schema's to report. */
function isWritable(storage: unknown): boolean {
  const url = text(storage);
  if (url !== undefined) return url.startsWith("pvc://");
  const { s3, huggingFace } = record(storage);
  return s3 === undefined && huggingFace === undefined;
}
