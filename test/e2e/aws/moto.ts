import { execFile } from "node:child_process";
import { join } from "node:path";
import { preparedEnvironment } from "../inference-servers/prepared-environment.ts";
import { freePorts } from "../processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../processes/running-server.ts";
import type { SupervisedProcess } from "../processes/supervised-process.ts";

/** One call of the AWS API under boto3's names. */
export interface AwsCall {
  /** Such as `iam`. */
  readonly service: string;
  /** Such as `create_role`. */
  readonly operation: string;
  readonly parameters: object;
  /** @default an administrator's */
  readonly credentials?: AwsCredentials;
}

export interface AwsCredentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken?: string;
}

export type AwsResult =
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- every operation answers in another form
  | { readonly ok: true; readonly answer: any }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface RunningMoto extends SupervisedProcess {
  /** Base URL without a trailing slash. */
  readonly url: string;
  /** Makes the calls in their order and gives what came back, refusals too. */
  calls(calls: readonly AwsCall[]): Promise<readonly AwsResult[]>;
  /** Makes one call; a refusal is an error. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- every operation answers in another form
  call(call: AwsCall): Promise<any>;
  /** Whether IAM policies decide about further calls; an administrator's are refused too while they do. */
  enforcePolicies(enforced: boolean): Promise<void>;
}

/** The account of moto's resources. */
export const motoAccount = "123456789012";

/** More calls than any test makes: until then nobody's permissions are looked at. */
const neverEnforced = 1_000_000;

/** Starts moto, a server that answers as a part of AWS does, with nothing in it. */
export async function startMoto(region: string): Promise<RunningMoto> {
  const { python } = preparedEnvironment("moto");
  const [port = 0] = await freePorts(1);
  const folder = await temporaryFolder("moto");
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: "moto",
    command: python,
    args: ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)],
    env: { MOTO_IAM_LOAD_MANAGED_POLICIES: "true", INITIAL_NO_AUTH_ACTION_COUNT: String(neverEnforced) },
    cwd: folder,
    folder,
    ports: [port],
    ready: (signal) => answersOk(`${url}/moto-api/data.json`, signal),
  });
  const calls: RunningMoto["calls"] = async (list) =>
    JSON.parse(await run(python, JSON.stringify({ endpoint: url, region, calls: list }))) as AwsResult[];
  return {
    ...server,
    url,
    calls,
    async call(one) {
      const [result] = await calls([one]);
      if (result?.ok !== true)
        throw new Error(`${one.service} ${one.operation}: ${result?.message ?? "no answer"}`);
      return result.answer as unknown;
    },
    async enforcePolicies(enforced) {
      const body = enforced ? "0" : String(neverEnforced);
      const answer = await fetch(`${url}/moto-api/reset-auth`, { method: "POST", body });
      if (!answer.ok) throw new Error(`moto does not change its authorization: ${answer.status}`);
    },
  };
}

function run(python: string, input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      python,
      [join(import.meta.dirname, "aws_calls.py")],
      { maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error) reject(new Error(stderr, { cause: error }));
        else resolve(stdout);
      },
    );
    child.stdin?.end(input);
  });
}
