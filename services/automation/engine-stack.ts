import { mkdir } from "node:fs/promises";
import {
  ConcurrentUpdateError,
  LocalWorkspace,
  type EngineEvent,
  type OutputMap,
  type PulumiCommand,
  type Stack,
  StackNotFoundError,
} from "@pulumi/pulumi/automation/index.js";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";
import { EngineProgress, type ProgressEvent } from "./engine-progress.ts";
import { projectFilesIn } from "./project-files.ts";
import type { StackHome } from "./stack-home.ts";
import { maskedSecret } from "./wire-values.ts";

export interface OperationOptions {
  /** Called for every step, policy violation and diagnostic, in the engine's order. */
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Asks the engine to stop after the steps that are running. */
  readonly signal?: AbortSignal;
}

export type Operation = "preview" | "up" | "destroy";

export interface OperationSummary {
  readonly operation: Operation;
  /** Resources by step, such as `{"create": 3, "same": 70}`. */
  readonly changes: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** After `up`: the stack's outputs, secrets masked. */
  readonly outputs?: Readonly<Record<string, unknown>>;
}

export interface EngineStackOptions extends StackHome {
  readonly project: string;
  readonly stack: string;
  readonly program: () => Promise<Record<string, unknown>>;
  readonly cli: PulumiCommand;
}

type EngineCall = (stack: Stack, options: EngineCallOptions) => Promise<EngineAnswer>;

interface EngineCallOptions {
  readonly onEvent: (event: EngineEvent) => void;
  readonly signal?: AbortSignal;
  readonly color: "never";
}

interface EngineAnswer {
  readonly changes: Readonly<Record<string, number>> | undefined;
  readonly outputs?: OutputMap;
}

/**
 * A stack whose program runs in this process, driven by the Pulumi CLI.
 *
 * A lock that another update holds is reported and never broken: whether that update still runs, only a person knows.
 */
export class EngineStack {
  readonly #options: EngineStackOptions;
  #programFailure: unknown;

  constructor(options: EngineStackOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.stack;
  }

  /** What an update would change, as the engine sees it. Creates the stack where there is none, but nothing in it. */
  preview(options: OperationOptions = {}): Promise<OperationSummary> {
    return this.#operate("preview", options, async (stack, call) => {
      const result = await stack.preview(call);
      return { changes: result.changeSummary };
    });
  }

  /** Brings the cloud to what the spec says. */
  up(options: OperationOptions = {}): Promise<OperationSummary> {
    return this.#operate("up", options, async (stack, call) => {
      const result = await stack.up(call);
      return { changes: result.summary.resourceChanges, outputs: result.outputs };
    });
  }

  /** Deletes every resource of the stack; the stack itself, its settings and its history stay. */
  destroy(options: OperationOptions = {}): Promise<OperationSummary> {
    return this.#operate("destroy", options, async (stack, call) => {
      const result = await stack.destroy(call);
      return { changes: result.summary.resourceChanges };
    });
  }

  /** Outputs of the last update, secrets masked. */
  async outputs(): Promise<Readonly<Record<string, unknown>>> {
    try {
      return maskedOutputs(await (await this.#select("existing")).outputs());
    } catch (error) {
      throw this.#surfaced("outputs", error, []);
    }
  }

  async #operate(
    operation: Operation,
    options: OperationOptions,
    call: EngineCall,
  ): Promise<OperationSummary> {
    const progress = new EngineProgress();
    const startedAtMs = performance.now();
    this.#programFailure = undefined;
    const stopWatching = this.#watchRejections();
    try {
      const stack = await this.#select(operation === "destroy" ? "existing" : "create");
      const answer = await call(stack, {
        onEvent: (event) => {
          const progressed = progress.take(event);
          if (progressed) options.onProgress?.(progressed);
        },
        color: "never",
        ...(options.signal ? { signal: options.signal } : {}),
      });
      return {
        operation,
        changes: { ...answer.changes },
        seconds: (performance.now() - startedAtMs) / 1000,
        ...(answer.outputs ? { outputs: maskedOutputs(answer.outputs) } : {}),
      };
    } catch (error) {
      if (options.signal?.aborted === true) throw interrupted(operation, this.name);
      throw this.#surfaced(operation, error, progress.errors);
    } finally {
      stopWatching();
    }
  }

  /** The engine hears only the text of an error; here its code, paths and remedies are kept, also from an `apply`. */
  #watchRejections(): () => void {
    const listen = (reason: unknown): void => {
      if (PlatformError.is(reason)) this.#programFailure ??= reason;
    };
    process.on("unhandledRejection", listen);
    return () => void process.off("unhandledRejection", listen);
  }

  async #select(mode: "create" | "existing"): Promise<Stack> {
    const { project, stack, program, workDir, backendUrl, cli } = this.#options;
    await mkdir(workDir, { recursive: true });
    const args = {
      stackName: stack,
      projectName: project,
      program: async () => {
        try {
          return await program();
        } catch (error) {
          this.#programFailure ??= error;
          throw error;
        }
      },
    };
    const options = {
      workDir,
      pulumiCommand: cli,
      envVars: { PULUMI_BACKEND_URL: backendUrl },
      // The SDK's own default names the current folder as the program's, which may be gone at the next operation.
      ...(projectFilesIn(workDir).length > 0
        ? {}
        : { projectSettings: { name: project, runtime: "nodejs" } as const }),
    };
    return mode === "create"
      ? LocalWorkspace.createOrSelectStack(args, options)
      : LocalWorkspace.selectStack(args, options);
  }

  #surfaced(operation: Operation | "outputs", error: unknown, diagnostics: readonly string[]): PlatformError {
    if (PlatformError.is(this.#programFailure)) return this.#programFailure;
    if (PlatformError.is(error)) return error;
    const name = this.name;
    if (error instanceof StackNotFoundError) {
      const message = `stack "${name}" does not exist in the backend ${this.#options.backendUrl}`;
      const remedy = `Create it with \`domino-inference up --stack ${name}\`, or choose another backend.`;
      return new PlatformError([{ code: "STACK_UNKNOWN", message, remedy }], { cause: error });
    }
    if (error instanceof ConcurrentUpdateError) {
      const message = `${operation} of stack "${name}": another update holds the stack's lock`;
      const remedy =
        "Wait until it ends. If it was killed and none is running any more, remove the lock with `pulumi cancel`.";
      return new PlatformError([{ code: "ENGINE_OPERATION_FAILED", message, remedy }], { cause: error });
    }
    const texts =
      this.#programFailure instanceof Error
        ? [`the program failed: ${this.#programFailure.message}`]
        : diagnostics.length > 0
          ? diagnostics
          : [commandText(error)];
    const problems = texts.map((text): Problem => ({
      code: "ENGINE_OPERATION_FAILED",
      message: `${operation} of stack "${name}": ${text}`,
    }));
    return new PlatformError(problems, { cause: error });
  }
}

function interrupted(operation: Operation, stack: string): PlatformError {
  return new PlatformError([
    {
      code: "ENGINE_OPERATION_FAILED",
      message: `${operation} of stack "${stack}" was interrupted; steps that had begun were finished`,
      remedy: "Run it again: it goes on from where it stopped.",
    },
  ]);
}

function maskedOutputs(outputs: OutputMap): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { value, secret }]) => [
      name,
      secret ? maskedSecret : (value as unknown),
    ]),
  );
}

/** What the CLI itself wrote; its output holds no diagnostics where it failed before the engine started. */
function commandText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [, stderr] = /^ stderr: ([\s\S]*?)\n err\?:/m.exec(text) ?? [];
  const said = (stderr ?? text)
    .split("\n")
    .map((line) => line.replace(/^error: /, "").trim())
    // The SDK puts the whole command line first; the engine's headings say nothing about the failure.
    .filter(
      (line) =>
        !/^$|^at\s|^Command failed with exit code|^(?:Previewing update|Updating|Destroying) \(/.test(line),
    );
  return said.join(" ") || "the CLI failed without a message";
}
