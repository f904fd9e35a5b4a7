/** Runs one replica group of a plan as a process, until SIGTERM or SIGINT. */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { pino } from "pino";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { startEmulatedGroup } from "./emulator.ts";
import { readGroup } from "./plan-file.ts";

const command = new Command("emulator")
  .description(
    "Emulates one replica group of a platform plan: every replica is an HTTP server on its own port.",
  )
  .requiredOption("--plan <file>", "platform plan as JSON")
  .requiredOption("--group <name>", "replica group of the plan")
  .option("--host <address>", "address to listen on", "127.0.0.1")
  .option("--port <number>", "port of the first replica, the others follow; 0 takes free ports", toPort, 0)
  .allowExcessArguments(false)
  .exitOverride();

interface Flags {
  readonly plan: string;
  readonly group: string;
  readonly host: string;
  readonly port: number;
}

try {
  const { plan, group, host, port } = command.parse().opts<Flags>();
  const running = await startEmulatedGroup({ ...readGroup(plan, group), host, port });
  const log = pino({ base: null });
  const end = (signal: NodeJS.Signals): void => {
    log.info({ signal }, "emulator ends");
    // Nothing else keeps the process alive: it exits with code 0 when the servers are closed.
    void running.close();
  };
  process.once("SIGTERM", end).once("SIGINT", end);
  log.info({ group, endpoints: running.endpoints }, "emulator ready");
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (PlatformError.is(error)) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}

function toPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return port;
}
