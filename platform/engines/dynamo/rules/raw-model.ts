import { record, type Raw } from "../../../spec/raw.ts";
import type { RuleProblem } from "../../../spec/rules.ts";
import { defaultDynamoVersion, type DynamoBackend } from "../release.ts";

/** One model of a Dynamo engine as written, with what its rules look at. */
export interface RawDynamoModel {
  readonly spec: Raw;
  readonly engine: Raw;
  readonly model: Raw;
  /** Its `dynamo` key. */
  readonly options: Raw;
  /** The engine's `dynamo` key. */
  readonly engineOptions: Raw;
  readonly enginePath: readonly PropertyKey[];
  readonly path: readonly PropertyKey[];
  readonly optionsPath: readonly PropertyKey[];
}

/** The backend; another text than those there are is the schema's matter. */
export function rawBackend({ options }: Pick<RawDynamoModel, "options">): DynamoBackend {
  const type = record(options.backend).type;
  return type === "sglang" || type === "trtllm" ? type : "vllm";
}

export function rawVersion({ engineOptions }: Pick<RawDynamoModel, "engineOptions">): string {
  return typeof engineOptions.version === "string" ? engineOptions.version : defaultDynamoVersion;
}

/** Things that do not go together. */
export function unsupported(
  path: readonly PropertyKey[],
  message: string,
  allowed: string,
  at: "key" | "value" = "value",
): RuleProblem {
  return {
    code: "SPEC_COMBINATION_UNSUPPORTED",
    path,
    message,
    allowed,
    ...(at === "key" ? { atKey: true } : {}),
  };
}
