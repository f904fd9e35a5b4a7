import { Command, CommanderError } from "commander";
import { PlatformError, renderProblem } from "../platform/errors/platform-error.ts";
import { automationCommands } from "./commands/automation.ts";
import { estimateCommand } from "./commands/estimate.ts";
import { fitCommand } from "./commands/fit.ts";
import { frontierCommand } from "./commands/frontier.ts";
import { optimizeCommand } from "./commands/optimize.ts";
import { planCommand } from "./commands/plan.ts";
import { predictCommand } from "./commands/predict.ts";
import { previewCommand } from "./commands/preview.ts";
import { proxyCommand } from "./commands/proxy.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { startCommand } from "./commands/start.ts";
import { packageVersion } from "./package-files.ts";

/** Exit codes: 0 done, 1 a coded error, 2 the command line is wrong, also that of a program behind a command. */
export async function main(args: readonly string[]): Promise<number> {
  // A reader that ends early (`… | head`) is no failure of the command.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  const program = new Command("domino-inference")
    .description("GPU inference platforms next to Domino Data Lab on EKS, from one spec per stack.")
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showHelpAfterError(false);
  const status = { code: 0 };
  planCommand(program, status);
  frontierCommand(program);
  previewCommand(program, status);
  automationCommands(program);
  startCommand(program, status);
  proxyCommand(program);
  fitCommand(program);
  estimateCommand(program);
  optimizeCommand(program);
  predictCommand(program);
  simulateCommand(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    return status.code;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    if (error.code === "commander.help") return 2;
    const message = error.message.replace(/^error: /, "");
    process.stderr.write(`${renderProblem({ code: "CLI_USAGE", message })}\n`);
    return 2;
  }
  if (PlatformError.is(error)) {
    process.stderr.write(`${error.problems.map(renderProblem).join("\n")}\n`);
    return error.code === "PROXY_CONFIG_INVALID" ? 2 : 1;
  }
  // A defect of this program: the one case where a stack trace helps whoever reads it.
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}
