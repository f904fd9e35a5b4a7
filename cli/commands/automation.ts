import { InvalidArgumentError, type Command } from "commander";
import type {
  EngineStack,
  OperationOptions,
  OperationSummary,
} from "../../services/automation/engine-stack.ts";
import { specFileOf } from "../package-files.ts";

export interface EngineCommandOptions {
  readonly stack?: string;
  readonly spec?: string;
  readonly installCli?: boolean;
}

type EngineOperation = (stack: EngineStack, options: OperationOptions) => Promise<OperationSummary>;

/** The commands that need the Pulumi engine. */
export function automationCommands(program: Command): void {
  engineCommand(program, "up", "create or change the stack's resources as its spec says").action(
    (options: EngineCommandOptions) => runOperation(options, (stack, call) => stack.up(call)),
  );
  engineCommand(program, "destroy", "delete every resource of the stack")
    .requiredOption("--yes <stack>", "the stack's name again: nothing asks later", confirmation)
    .action(async (options: EngineCommandOptions & { readonly yes: string }, command: Command) => {
      if (options.yes !== options.stack) {
        command.error(`error: --yes names "${options.yes}", but the stack is "${options.stack}"`);
      }
      await runOperation(options, (stack, call) => stack.destroy(call));
    });
  engineCommand(program, "outputs", "print the stack's outputs as JSON, secrets masked").action(
    async (options: EngineCommandOptions) => {
      const stack = await open(options);
      process.stdout.write(`${JSON.stringify(await stack.outputs(), null, 2)}\n`);
    },
  );
}

function engineCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption("--stack <name>", "the stack")
    .option("--spec <file>", "a platform spec; default: the shipped one of this name")
    .option("--install-cli", "download the official Pulumi CLI where none is found");
}

/** Runs an operation with live progress; Ctrl-C asks the engine to stop after the steps that are running. */
export async function runOperation(options: EngineCommandOptions, operation: EngineOperation): Promise<void> {
  const { renderProgress } = await import("../../services/automation/engine-progress.ts");
  const stack = await open(options);
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  process.once("SIGTERM", onInterrupt);
  try {
    const summary = await operation(stack, {
      signal: interrupt.signal,
      onProgress: (event) => process.stdout.write(`${renderProgress(event)}\n`),
    });
    process.stdout.write(renderSummary(stack.name, summary));
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

async function open(options: EngineCommandOptions): Promise<EngineStack> {
  const { openStack } = await import("../../services/automation/stack-operations.ts");
  const specFile = specFileOf(options);
  return openStack({
    stack: options.stack ?? "",
    specFile,
    installCli: options.installCli === true,
  });
}

function renderSummary(stack: string, summary: OperationSummary): string {
  const changes = Object.entries(summary.changes).map(([step, count]) => `${count} ${step}`);
  const outputs = summary.outputs === undefined ? "" : `${JSON.stringify(summary.outputs, null, 2)}\n`;
  return `${summary.operation} of ${stack}: ${changes.join(", ") || "nothing"} in ${summary.seconds.toFixed(1)} s\n${outputs}`;
}

function confirmation(text: string): string {
  if (text === "") throw new InvalidArgumentError("expected the stack's name");
  return text;
}
