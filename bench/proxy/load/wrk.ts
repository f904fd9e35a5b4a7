import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fetchDebianTool } from "../../../test/toolchain/debian-tools.ts";

/** One request that is sent again and again. */
export interface RepeatedRequest {
  readonly path: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WrkResult {
  readonly requests: number;
  /** Time in s over which they were sent. */
  readonly seconds: number;
}

/** Fully loaded: always one request more than can be worked on, without long queues. */
const connections = 32;

/**
 * Sends a request over 32 connections, each as soon as the one before is answered, for whole seconds.
 *
 * @throws Error where an answer has another status than 2xx or 3xx, or a connection fails
 */
export async function runWrk(url: string, request: RepeatedRequest, seconds: number): Promise<WrkResult> {
  const { path, env } = await fetchDebianTool("wrk", console.error);
  const folder = await mkdtemp(join(tmpdir(), "wrk-"));
  try {
    const script = join(folder, "load.lua");
    const bodyFile = join(folder, "body");
    await writeFile(bodyFile, request.body);
    await writeFile(script, scriptOf(request, bodyFile));
    const { stdout } = await promisify(execFile)(
      path,
      [
        "-t1",
        `-c${connections}`,
        `-d${Math.ceil(seconds)}s`,
        "--timeout=30s",
        `-s${script}`,
        url + request.path,
      ],
      { env: { ...process.env, ...env } },
    );
    const [, requests, micros, failures] = /^RESULT (\d+) (\d+) (\d+)$/m.exec(stdout) ?? [];
    if (Number(failures) !== 0) throw new Error(`${failures} requests to ${url} failed:\n${stdout}`);
    return { requests: Number(requests), seconds: Number(micros) / 1e6 };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function scriptOf({ headers = {} }: RepeatedRequest, bodyFile: string): string {
  const lines = Object.entries({ "content-type": "application/json", ...headers }).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  return `
wrk.method = "POST"
local file = io.open(${JSON.stringify(bodyFile)}, "rb")
wrk.body = file:read("*a")
file:close()
${lines.join("\n")}
function done(summary, latency, requests)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("RESULT %d %d %d", summary.requests, summary.duration, failures))
end
`;
}
