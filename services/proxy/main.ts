import { Command, CommanderError } from "commander";
import { PlatformError, renderProblem } from "../../platform/errors/platform-error.ts";
import { addProxyFlags, type ParsedFlags } from "./command-line/flags.ts";
import { proxySettingsOf } from "./command-line/proxy-settings.ts";
import { runProxy } from "./command-line/run-proxy.ts";

const program = addProxyFlags(new Command("domino-inference-proxy"))
  .description("The one endpoint in front of the inference engines of a platform.")
  .exitOverride()
  .configureOutput({ outputError: () => undefined });

try {
  program.parse();
  await runProxy(proxySettingsOf(program.opts<ParsedFlags>()));
} catch (error) {
  process.exitCode = report(error);
}

/** Exit codes: 1 for files and ports, 2 for the command line. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    const message = error.message.replace(/^error: /, "");
    process.stderr.write(`${renderProblem({ code: "PROXY_CONFIG_INVALID", message })}\n`);
    return 2;
  }
  if (!PlatformError.is(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  return error.code === "PROXY_CONFIG_INVALID" ? 2 : 1;
}
