import type {
  DiagnosticEvent,
  EngineEvent,
  OpType,
  StepEventMetadata,
} from "@pulumi/pulumi/automation/index.js";

/** Something that happened during an operation of the engine. */
export type ProgressEvent =
  | {
      readonly kind: "resource";
      /** `started` only for what takes long enough to be worth a line: work on a cloud's resource. */
      readonly state: "started" | "done" | "failed";
      /** The engine's word for the step, such as `create`. */
      readonly operation: OpType;
      readonly name: string;
      readonly type: string;
      /** From start to end; absent while it runs. */
      readonly seconds?: number;
      /** A preview: nothing was changed. */
      readonly planned: boolean;
    }
  | {
      readonly kind: "policy";
      readonly policy: string;
      readonly name: string;
      readonly message: string;
      readonly mandatory: boolean;
    }
  | {
      readonly kind: "diagnostic";
      readonly severity: "info" | "warning" | "error";
      readonly message: string;
      readonly name?: string;
    };

/** Steps in which nothing happens to a resource. */
const quietOperations: ReadonlySet<string> = new Set([
  "same",
  "read",
  "refresh",
  "discard",
  "discard-replaced",
  "remove-pending-replace",
]);

const severities: Readonly<Record<string, "info" | "warning" | "error">> = {
  info: "info",
  "info#err": "info",
  warning: "warning",
  error: "error",
};

/** Turns the engine's events into progress, and keeps what went wrong. */
export class EngineProgress {
  readonly #startedAtMs = new Map<string, number>();
  readonly #finishedSteps = new Set<string>();
  readonly #errors: string[] = [];
  readonly #now: () => number;

  /** @param now clock in ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Texts of the engine's errors, without colours and stack traces, each once. */
  get errors(): readonly string[] {
    const errors = [...new Set(this.#errors)];
    // The SDK repeats at the end what it has reported one by one.
    const single = errors.filter((text) => !text.startsWith("One or more errors occurred"));
    return single.length > 0 ? single : errors;
  }

  /** @returns nothing for events that tell a user nothing new */
  take(event: EngineEvent): ProgressEvent | undefined {
    if (event.resourcePreEvent) {
      const { metadata, planning } = event.resourcePreEvent;
      this.#startedAtMs.set(stepKey(metadata), this.#now());
      const custom = (metadata.new ?? metadata.old)?.custom === true;
      if (planning === true || !custom || isQuiet(metadata)) return undefined;
      return { kind: "resource", state: "started", ...described(metadata), planned: false };
    }
    if (event.resOutputsEvent) return this.#finished("done", event.resOutputsEvent);
    if (event.resOpFailedEvent) return this.#finished("failed", event.resOpFailedEvent);
    if (event.policyEvent) {
      const { policyName, resourceUrn, message, enforcementLevel } = event.policyEvent;
      const text = plainText(message);
      const mandatory = enforcementLevel === "mandatory";
      const name = nameOf(resourceUrn ?? "");
      if (mandatory) this.#errors.push(`policy ${policyName}, ${name}: ${text}`);
      return { kind: "policy", policy: policyName, name, message: text, mandatory };
    }
    return event.diagnosticEvent && this.#diagnosed(event.diagnosticEvent);
  }

  #diagnosed({ severity, message, urn, ephemeral }: DiagnosticEvent): ProgressEvent | undefined {
    const text = plainText(message);
    // The SDK's own trace comes as diagnostics too, with a severity that its types do not name.
    const shown = severities[severity];
    if (shown === undefined || text === "" || ephemeral === true) return undefined;
    if (shown === "error") this.#errors.push(text);
    const named = urn === undefined || urn === "" ? {} : { name: nameOf(urn) };
    return { kind: "diagnostic", severity: shown, message: text, ...named };
  }

  #finished(
    state: "done" | "failed",
    { metadata, planning }: { metadata: StepEventMetadata; planning?: boolean },
  ): ProgressEvent | undefined {
    const startedAtMs = this.#startedAtMs.get(stepKey(metadata));
    this.#startedAtMs.delete(stepKey(metadata));
    // A component ends twice: when it is registered, and when its outputs are.
    if ((state === "done" && isQuiet(metadata)) || this.#finishedSteps.has(stepKey(metadata)))
      return undefined;
    this.#finishedSteps.add(stepKey(metadata));
    return {
      kind: "resource",
      state,
      ...described(metadata),
      ...(startedAtMs === undefined ? {} : { seconds: (this.#now() - startedAtMs) / 1000 }),
      planned: planning === true,
    };
  }
}

const pastForms: Readonly<Record<string, string>> = {
  create: "created",
  update: "updated",
  delete: "deleted",
  replace: "replaced",
  "create-replacement": "created anew",
  "delete-replaced": "deleted the old one",
  import: "imported",
};

/** One line for a terminal or a log. */
export function renderProgress(event: ProgressEvent): string {
  switch (event.kind) {
    case "resource": {
      const subject = `${event.name} (${event.type})`;
      const seconds = event.seconds === undefined || event.planned ? "" : ` in ${event.seconds.toFixed(1)} s`;
      if (event.state === "started") return `${event.operation} ${subject} ...`;
      if (event.state === "failed") return `FAILED ${event.operation} ${subject}${seconds}`;
      return event.planned
        ? `would ${event.operation} ${subject}`
        : `${pastForms[event.operation] ?? event.operation} ${subject}${seconds}`;
    }
    case "policy":
      return `${event.mandatory ? "POLICY" : "policy"} ${event.policy} ${event.name}: ${event.message}`;
    case "diagnostic":
      return `${event.severity}${event.name === undefined ? "" : ` ${event.name}`}: ${event.message}`;
  }
}

function isQuiet({ op }: StepEventMetadata): boolean {
  return quietOperations.has(op);
}

function described({ op, type, urn }: StepEventMetadata) {
  return { operation: op, name: nameOf(urn), type };
}

/** A replacement has several steps on one URN. */
function stepKey({ op, urn }: StepEventMetadata): string {
  return `${op} ${urn}`;
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** Without the engine's colour marks and the frames of a stack trace, which say nothing about the platform. */
function plainText(message: string): string {
  return message
    .replace(/<\{%.*?%\}>/g, "")
    .split("\n")
    .filter((line) => !/^\s+at\s/.test(line))
    .join("\n")
    .trim();
}
