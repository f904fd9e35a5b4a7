import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  LocalWorkspace,
  type EngineEvent,
  type PulumiCommand,
  type Stack,
} from "@pulumi/pulumi/automation/index.js";
import type { Need } from "../requires.ts";
import { locateTool } from "../../toolchain/locate-tool.ts";
import { findEngineCli } from "../../../services/automation/engine-cli.ts";
import { CloudRecords } from "./generic/cloud-records.ts";
import { planFailures, stateFolderVariable, type PlannedFailure } from "./planned-failures.ts";
import { makePluginFolder, type PluginFolderOptions } from "./plugin-folder.ts";

export type Program = () => Promise<Record<string, unknown>>;

const project = "providers-test";

/** What the engine does with one resource. */
export interface Step {
  /** `create`, `update`, `delete`, `create-replacement`, … Resources that stay as they are have none. */
  readonly op: string;
  readonly type: string;
  /** Name in the program. */
  readonly name: string;
  /** Properties that change, with dots where they are nested. */
  readonly changed: readonly string[];
}

/** What a stack consists of, and what an interrupted operation was doing. */
export interface State {
  readonly resources: readonly object[];
  readonly pending_operations?: readonly {
    readonly type: string;
    readonly resource: { readonly urn: string };
  }[];
}

const shownSeverities: readonly string[] = ["info", "info#err", "warning", "error"];

/** The engine's command line, or what tests need it for. */
export async function findEngine(): Promise<{ readonly cli?: PulumiCommand; readonly need: Need }> {
  const name = "the Pulumi CLI";
  const located = locateTool("pulumi");
  if (located.kind === "missing") return { need: { name, missing: located.reason } };
  // It has to be on PATH to be found by the program, as on a user's machine.
  process.env.PATH = `${dirname(located.path)}${delimiter}${process.env.PATH ?? ""}`;
  return { cli: await findEngineCli(), need: { name } };
}

/** A stack of the real engine in a folder of its own, on the provider plugins of this folder. */
export class EngineFixture {
  /** What the stack consists of at the next operation. */
  program: Program = async () => ({});
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly records: CloudRecords;
  /** Everything that the last operation printed. */
  output = "";
  /** Everything that the last operation told of its progress, as JSON, but for messages to the SDK's own authors. */
  events = "";
  /** What the last operation did, or would do, in the engine's order. */
  steps: readonly Step[] = [];
  readonly #cli: PulumiCommand;
  #selected: Promise<Stack> | undefined;

  private constructor(folder: string, environment: Readonly<Record<string, string>>, cli: PulumiCommand) {
    this.folder = folder;
    this.environment = environment;
    this.#cli = cli;
    this.records = new CloudRecords(this.cloud);
  }

  static async create(
    cli: PulumiCommand | undefined,
    options: PluginFolderOptions = {},
  ): Promise<EngineFixture> {
    if (!cli) throw new Error("there is no Pulumi CLI");
    const folder = await mkdtemp(join(tmpdir(), "providers-"));
    const plugins = await makePluginFolder(join(folder, "home"), options);
    await mkdir(join(folder, "work"));
    const environment = {
      ...plugins.environment,
      PULUMI_BACKEND_URL: `file://${folder}`,
      PULUMI_CONFIG_PASSPHRASE: "passphrase",
      [stateFolderVariable]: join(folder, "cloud"),
    };
    return new EngineFixture(folder, environment, cli);
  }

  /** Folder of the stand-in's cloud. */
  get cloud(): string {
    return join(this.folder, "cloud");
  }

  /** What would happen: resources by step, the stack itself and its providers among them. */
  async preview(): Promise<Readonly<Record<string, number>>> {
    const stack = await this.#stack();
    return this.#recorded(async (options) => ({ ...(await stack.preview(options)).changeSummary }));
  }

  async up(): Promise<Readonly<Record<string, number>>> {
    const stack = await this.#stack();
    return this.#recorded(async (options) => ({ ...(await stack.up(options)).summary.resourceChanges }));
  }

  /** @param clearPendingCreates forget what an interrupted operation may or may not have made */
  async refresh(clearPendingCreates = false): Promise<Readonly<Record<string, number>>> {
    const stack = await this.#stack();
    return this.#recorded(async (options) => ({
      ...(await stack.refresh({ ...options, clearPendingCreates })).summary.resourceChanges,
    }));
  }

  /** Breaks the lock that a killed operation left. */
  async cancel(): Promise<void> {
    await (await this.#stack()).cancel();
  }

  /** Runs the engine's command line on the stack. */
  async command(...args: readonly string[]): Promise<string> {
    await this.#stack();
    const answer = await promisify(execFile)(this.#cli.command, [...args, "--stack", "test"], {
      cwd: join(this.folder, "work"),
      env: { ...process.env, ...this.environment },
    });
    return answer.stdout;
  }

  /** The stack's state as the engine gives it away and takes it back, for what only a person can mend. */
  async exportState(): Promise<State> {
    return (await (await this.#stack()).exportStack()).deployment as State;
  }

  async importState(deployment: State): Promise<void> {
    await (await this.#stack()).importStack({ version: 3, deployment });
  }

  async destroy(): Promise<Readonly<Record<string, number>>> {
    const stack = await this.#stack();
    return this.#recorded(async (options) => ({ ...(await stack.destroy(options)).summary.resourceChanges }));
  }

  /** What an operation says that must fail: its error, and everything that it printed. */
  async failure(operation: Promise<unknown>): Promise<string> {
    const error = await operation.then(
      () => undefined,
      (thrown: unknown) => String(thrown),
    );
    if (error === undefined) throw new Error("the operation succeeded");
    return `${error}\n${this.output}`;
  }

  /** The stack's state, as it is on disk. */
  async stateText(): Promise<string> {
    return readFile(join(this.folder, ".pulumi", "stacks", project, "test.json"), "utf8");
  }

  async failures(failures: readonly PlannedFailure[]): Promise<void> {
    await planFailures(this.cloud, failures);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #recorded<Result>(
    operate: (options: {
      onOutput: (text: string) => void;
      onEvent: (event: EngineEvent) => void;
    }) => Promise<Result>,
  ): Promise<Result> {
    this.output = "";
    this.events = "";
    const steps: Step[] = [];
    this.steps = steps;
    return operate({
      onOutput: (text) => {
        this.output += text;
      },
      onEvent: (event) => {
        const { severity = "", message = "" } = event.diagnosticEvent ?? {};
        // Debug messages are for the SDK's own authors, and have secrets in clear.
        if (shownSeverities.includes(severity)) this.output += `${severity}: ${message}`;
        if ((severity as string) !== "debug") this.events += `${JSON.stringify(event)}\n`;
        const step = event.resourcePreEvent?.metadata;
        if (step && step.op !== "same") {
          steps.push({
            op: step.op,
            type: step.type,
            name: step.urn.split("::").at(-1) ?? "",
            changed: Object.keys(step.detailedDiff ?? {}).toSorted(),
          });
        }
      },
    });
  }

  #stack(): Promise<Stack> {
    // Once: selecting a stack runs the command line several times.
    this.#selected ??= LocalWorkspace.createOrSelectStack(
      { stackName: "test", projectName: project, program: () => this.program() },
      {
        workDir: join(this.folder, "work"),
        pulumiCommand: this.#cli,
        envVars: { ...this.environment },
        projectSettings: { name: project, runtime: "nodejs" },
      },
    );
    return this.#selected;
  }
}
