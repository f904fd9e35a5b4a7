import { execFile } from "node:child_process";
import { join } from "node:path";
import type { RunningMoto } from "../aws/moto.ts";
import { preparedEnvironment } from "./prepared-environment.ts";

export const region = "us-west-2";
export const bucket = "mlflow-artifacts";

/** Makes the bucket. */
export async function createBucket(moto: RunningMoto): Promise<void> {
  await moto.call({
    service: "s3",
    operation: "create_bucket",
    parameters: { Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } },
  });
}

/** Puts objects below a prefix. */
export async function putObjects(
  moto: RunningMoto,
  prefix: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, body] of Object.entries(files)) {
    const parameters = { Bucket: bucket, Key: `${prefix}/${name}`, Body: body };
    await moto.call({ service: "s3", operation: "put_object", parameters });
  }
}

/** The folder of the AWS CLI. */
export function awsFolder(): string {
  return join(preparedEnvironment("moto").folder, "bin");
}

export interface Outcome {
  /** Exit code, or the signal that ended the command. */
  readonly code: number | string;
  readonly output: string;
}

/**
 * Runs a command of a container that uses the AWS CLI.
 *
 * @param first folder whose programs come before all others
 */
export function runWithAws(
  moto: RunningMoto,
  home: string,
  [command = "", ...args]: readonly string[],
  first?: string,
): Promise<Outcome> {
  const env = {
    PATH: [...(first === undefined ? [] : [first]), awsFolder(), "/usr/bin", "/bin"].join(":"),
    HOME: home,
    AWS_ENDPOINT_URL: moto.url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
  return new Promise((resolve) => {
    execFile(command, args, { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? "?"), output: stdout + stderr }),
    );
  });
}
