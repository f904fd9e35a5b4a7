import type { Command } from "commander";
import type { CommandStatus } from "./command-status.ts";
export function automationCommands(_program: Command, _status: CommandStatus): void {}
