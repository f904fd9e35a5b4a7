import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { preparedEnvironment } from "./prepared-environment.ts";

/** What NVIDIA's client got for each call: a result, or the error that it raised. */
export type TritonClientAnswers = Readonly<Record<string, unknown>>;

/** The script ends long before, unless a call hangs. */
const withinMillis = 90_000;

/** Makes every call of NVIDIA's client against a server, `host:port`. */
export async function askByTritonClient(
  transport: "http" | "grpc",
  address: string,
  token?: string,
): Promise<TritonClientAnswers> {
  const { python } = preparedEnvironment("triton-client");
  const script = join(import.meta.dirname, "python", "triton_client_calls.py");
  const args = [script, transport, address, ...(token === undefined ? [] : [`--token=${token}`])];
  const { stdout } = await promisify(execFile)(python, args, { timeout: withinMillis });
  return JSON.parse(stdout) as TritonClientAnswers;
}
