import { Option, type Command } from "commander";
import { specFileOf } from "../package-files.ts";
import { runOperation, type EngineCommandOptions } from "./automation.ts";
import type { CommandStatus } from "./command-status.ts";

interface PreviewOptions extends EngineCommandOptions {
  readonly offline?: boolean;
  readonly format: "tree" | "json" | "yaml";
}

export function previewCommand(program: Command, status: CommandStatus): void {
  program
    .command("preview")
    .description("show every resource that a stack would have, with the policies' results")
    .option("--stack <name>", "the stack")
    .option("--spec <file>", "a platform spec; default: the stack's own")
    .option("--install-cli", "download the official Pulumi CLI where none is found")
    .option("--offline", "run the program in this process, without the Pulumi engine and without a cluster")
    .addOption(
      new Option("--format <format>", "how to print (json and yaml: offline)")
        .choices(["tree", "json", "yaml"])
        .default("tree"),
    )
    .action(async (options: PreviewOptions, command: Command) => {
      const specFile = specFileOf(options);
      if (options.offline) {
        const { previewOffline } = await import("../../services/automation/offline-preview.ts");
        const { renderPreview } = await import("../../services/automation/render-preview.ts");
        const preview = await previewOffline({
          specFile,
          ...(options.stack === undefined ? {} : { stack: options.stack }),
        });
        process.stdout.write(renderPreview(preview, options.format));
        const violated = preview.policies.some(
          (policy) => policy.level === "mandatory" && policy.violations.length > 0,
        );
        if (violated) status.code = 1;
        return;
      }
      if (options.stack === undefined) {
        command.error("error: without --offline, --stack <name> is needed: the engine keeps state by stack");
      }
      await runOperation(options, (stack, call) => stack.preview(call));
    });
}
