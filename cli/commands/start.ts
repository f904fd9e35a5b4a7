import { isIP } from "node:net";
import { InvalidArgumentError, Option, type Command } from "commander";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { planPlatform } from "../../platform/plan/plan.ts";
import { requirePlaced } from "../../platform/plan/unplaceable.ts";
import { loadSpec } from "../../platform/spec/load.ts";
import type { FirstAnswer } from "../../services/local/first-requests.ts";
import type { LocalPlatform } from "../../services/local/local-platform.ts";
import type { CommandStatus } from "./command-status.ts";
import { specFileOf, type SpecChoice } from "../package-files.ts";
import { renderPlan } from "../render/plan-table.ts";

interface StartOptions extends SpecChoice {
  readonly once?: boolean;
  readonly load: number;
  readonly host: string;
  readonly port?: number;
  readonly pagePort?: number;
}

export function startCommand(program: Command, status: CommandStatus): void {
  program
    .command("start")
    .description("bring a platform up on this machine: emulated engines, the real proxy and a page")
    .option("--stack <name>", "a shipped stack (default: local)")
    .addOption(new Option("--spec <file>", "a platform spec").conflicts("stack"))
    .option("--once", "end after one answer of every model; exit code 0 only if all were right")
    .option(
      "--load <factor>",
      "part of the planned load to generate while running, 0 for none",
      loadFactor,
      1,
    )
    .option("--host <address>", "address of proxy and page; neither asks who you are", host, "127.0.0.1")
    .option("--port <port>", "port of the proxy; 0 takes a free one (default: 8080, with --once 0)", port)
    .option("--page-port <port>", "port of the page; 0 takes a free one (default: 8081, with --once 0)", port)
    .action(async (options: StartOptions) => {
      const interrupted = interruption();
      const plan = planPlatform(await loadSpec(specFileOf(options, "local")));
      print(renderPlan(plan));
      requirePlaced(plan);
      const { startLocalPlatform } = await import("../../services/local/local-platform.ts");
      const { sendFirstRequests } = await import("../../services/local/first-requests.ts");
      const platform = await startLocalPlatform({
        plan,
        host: options.host,
        port: options.port ?? (options.once ? 0 : 8080),
        pagePort: options.pagePort ?? (options.once ? 0 : 8081),
        onProgress: (line) => print(`  up  ${line}\n`),
      });
      try {
        print("  …   one request to every model through the proxy\n");
        const answers = await Promise.race([
          sendFirstRequests(platform.proxyUrl, platform.routes),
          interrupted.then(() => undefined),
          platform.failed,
        ]);
        if (!answers) {
          // As a shell reports Ctrl-C. Without --once ending is what the user asked for.
          if (options.once) status.code = 130;
          return;
        }
        print(answers.map(renderAnswer).join(""));
        requireRight(answers);
        if (options.once) return;
        const { startLoad } = await import("../../services/emulator/load/load-generator.ts");
        const load = startLoad({ baseUrl: platform.proxyUrl, plan, seed: 1, rateFactor: options.load });
        print(nextSteps(platform, options.load));
        await Promise.race([interrupted, platform.failed]).finally(() => load.stop());
        print("\nending everything that was started…\n");
      } finally {
        await platform.close();
      }
    });
}

function requireRight(answers: readonly FirstAnswer[]): void {
  const wrong = answers.filter((answer) => !answer.right);
  if (wrong.length === 0) return;
  throw new PlatformError(
    wrong.map((answer) => ({
      code: "LOCAL_ANSWER_WRONG" as const,
      message: `${answer.server}/${answer.model}: ${answer.summary}`,
    })),
  );
}

/** Resolves at Ctrl-C or SIGTERM; a second one ends the process at once. */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve();
      });
    }
  });
}

function renderAnswer(answer: FirstAnswer): string {
  const version = answer.version === undefined ? "" : ` v${answer.version}`;
  const verdict = answer.right ? "ok " : "BAD";
  return `  ${verdict} ${answer.server}/${answer.model}${version}: ${answer.summary} in ${Math.round(answer.milliseconds)} ms\n`;
}

function nextSteps(platform: LocalPlatform, load: number): string {
  const server = platform.routes.servers.find((candidate) => candidate.protocol === "open-inference-v2");
  const tensor = '{"name":"input_ids","shape":[1,2],"datatype":"INT64","data":[101,102]}';
  const example = server
    ? `  curl -s ${platform.proxyUrl}/predict -H 'content-type: application/json' -d '{"inference_server_name":"${server.name}",` +
      `"model_name":"${server.models[0]?.name}","payload":{"inputs":[${tensor}]}}'\n`
    : `  curl -s ${platform.proxyUrl}/v1/models\n`;
  return `
page    ${platform.pageUrl}
proxy   ${platform.proxyUrl}   (POST /predict, /v2/…, /v1/…, /metrics)
load    ${load === 0 ? "none" : `${load} of the planned rate, generated on this machine`}

try it:
${example}
next:
  npx domino-inference plan --stack prod                what prod needs and costs
  npx domino-inference preview --stack prod --offline   every resource it would have
  README.md, "To a real cluster"

Ctrl-C ends it.
`;
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65_535) throw new InvalidArgumentError("expected 0 to 65535");
  return value;
}

function host(text: string): string {
  if (isIP(text) === 0 && text !== "localhost")
    throw new InvalidArgumentError("expected an IP address or localhost");
  return text;
}

function loadFactor(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 100)) throw new InvalidArgumentError("expected 0 to 100");
  return value;
}

function print(text: string): void {
  process.stdout.write(text);
}
