import { setImmediate } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { placeholderId, placeholderState } from "../../stacks/placeholders.ts";

/** A resource as a program registered it. */
export interface RecordedResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** URN; absent for the stack itself. */
  readonly parent?: string;
  /** Inputs in the form of Pulumi's protocol: see `wire-values.ts`. */
  readonly wireInputs: Readonly<Record<string, unknown>>;
}

export interface RecordedProgram {
  /** Sorted by URN: the order of registration depends on timing. */
  readonly resources: readonly RecordedResource[];
  readonly wireOutputs: Readonly<Record<string, unknown>>;
}

export interface ProgramIdentity {
  readonly project: string;
  readonly stack: string;
}

/** Pulumi's settings and mocks are one per process: a run waits until the one before is over. */
let lastRun: Promise<unknown> = Promise.resolve();

/**
 * Runs a Pulumi program in this process, without engine, providers or network, and records what it registers.
 *
 * Pulumi's own mocks answer in the place of a cloud, with readable placeholders for what only a cloud could know, so
 * that resources whose inputs are other resources' identifiers are complete.
 *
 * @throws PlatformError as the program throws it, also from an `apply`; of what else goes wrong the message only,
 * as ENGINE_OPERATION_FAILED
 */
export function recordProgram(
  identity: ProgramIdentity,
  program: () => Promise<Record<string, unknown>>,
): Promise<RecordedProgram> {
  const run = lastRun.then(() => recordAlone(identity, program));
  lastRun = run.catch(() => undefined);
  return run;
}

async function recordAlone(
  { project, stack }: ProgramIdentity,
  program: () => Promise<Record<string, unknown>>,
): Promise<RecordedProgram> {
  await pulumi.runtime.setMocks(
    {
      newResource: (resource) => ({
        id: placeholderId(resource),
        state: placeholderState(resource),
      }),
      call: ({ inputs }) => inputs,
    },
    project,
    stack,
    // A preview: what has no placeholder is unknown. Otherwise it would be undefined, and end up as text in manifests.
    true,
  );
  const recording = new Recording(project, stack);
  const failures = await failuresDuring(async () => {
    await pulumi.runtime.runInPulumiStack(program);
  });
  const failure = failures.find(PlatformError.is) ?? failures[0] ?? recording.failure;
  if (failure !== undefined) throw surfaced(failure);
  return recording.result();
}

/**
 * Everything that failed while a program ran: what it threw, and rejections of promises that nobody waits for, which is
 * how Pulumi reports errors in `apply`. Other listeners of such rejections are set aside meanwhile: most of them end the
 * process, and the failure is returned.
 */
async function failuresDuring(run: () => Promise<void>): Promise<unknown[]> {
  const failures: unknown[] = [];
  const others = process.listeners("unhandledRejection");
  const collect = (reason: unknown): void => void failures.push(reason);
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", collect);
  try {
    await run().catch(collect);
    await pulumi.runtime.disconnect();
    // Node reports rejections at the end of a turn of its loop.
    await setImmediate();
  } finally {
    process.off("unhandledRejection", collect);
    for (const listener of others) process.on("unhandledRejection", listener);
  }
  return failures;
}

/** A fault of the program itself keeps its stack as the cause; the message is what a user can act on. */
function surfaced(failure: unknown): PlatformError {
  if (PlatformError.is(failure)) return failure;
  const message = failure instanceof Error ? failure.message : String(failure);
  return new PlatformError([{ code: "ENGINE_OPERATION_FAILED", message: `the program failed: ${message}` }], {
    cause: failure,
  });
}

/** The parts of Pulumi's mock monitor that a recording is attached to. */
interface MockMonitor {
  newUrn(parent: string, type: string, name: string): string;
  registerResource(request: RegisterRequest, callback: RegisterCallback): unknown;
  registerResourceOutputs(request: OutputsRequest, callback: unknown): unknown;
}

type Wire = { toJavaScript(): Record<string, unknown> } | undefined;
type RegisterCallback = (error: Error | null, response?: { getUrn(): string }) => void;

interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getObject(): Wire;
}

interface OutputsRequest {
  getUrn(): string;
  getOutputs(): Wire;
}

/**
 * What the monitor of the current mocks is told. Mocks see neither parents nor URNs, and their URNs leave out all but
 * the nearest parent's type; here they are those of a real update.
 */
class Recording {
  readonly #resources = new Map<string, RecordedResource>();
  #wireOutputs: Record<string, unknown> = {};
  #duplicate: string | undefined;

  constructor(project: string, stack: string) {
    const monitor = pulumi.runtime.getMonitor() as unknown as MockMonitor;
    monitor.newUrn = (parent, type, name) => {
      const parentTypes = parent.split("::")[2];
      const nested = parentTypes !== undefined && parentTypes !== pulumi.runtime.rootPulumiStackTypeName;
      return `urn:pulumi:${stack}::${project}::${nested ? `${parentTypes}$` : ""}${type}::${name}`;
    };
    const register = monitor.registerResource.bind(monitor);
    monitor.registerResource = (request, callback) =>
      register(request, (error, response) => {
        if (response) this.#add(request, response.getUrn());
        callback(error, response);
      });
    const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
    monitor.registerResourceOutputs = (request, callback) => {
      if (this.#resources.get(request.getUrn())?.parent === undefined) {
        this.#wireOutputs = request.getOutputs()?.toJavaScript() ?? {};
      }
      return registerOutputs(request, callback);
    };
  }

  /** An engine refuses two resources of one URN; mocks would silently keep the last. */
  get failure(): Error | undefined {
    return this.#duplicate === undefined
      ? undefined
      : new Error(`two resources have the URN ${this.#duplicate}`);
  }

  result(): RecordedProgram {
    const resources = [...this.#resources.values()];
    return {
      resources: resources.toSorted((left, right) => (left.urn < right.urn ? -1 : 1)),
      wireOutputs: this.#wireOutputs,
    };
  }

  #add(request: RegisterRequest, urn: string): void {
    if (this.#resources.has(urn)) this.#duplicate ??= urn;
    const parent = request.getParent();
    this.#resources.set(urn, {
      urn,
      type: request.getType(),
      name: request.getName(),
      ...(parent === "" ? {} : { parent }),
      wireInputs: request.getObject()?.toJavaScript() ?? {},
    });
  }
}
