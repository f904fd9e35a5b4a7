import type { Difference } from "./differences.ts";
import type { Wire } from "./values.ts";

export interface ResourceIdentity {
  readonly urn: string;
  /** Such as `aws:iam/role:Role`. */
  readonly type: string;
  /** The name in the program, which is not that in the cloud. */
  readonly name: string;
}

export interface CheckRequest extends ResourceIdentity {
  /** Inputs of the last update; empty for a new resource, and for the successor of one that is replaced. */
  readonly oldInputs: Wire;
  readonly inputs: Wire;
  /** For names that are made up: random, and the same as long as the engine works on one plan. */
  readonly seed: Uint8Array;
}

export interface CheckAnswer {
  readonly inputs: Wire;
  readonly failures?: readonly { readonly property: string; readonly reason: string }[];
}

export interface DiffRequest extends ResourceIdentity {
  readonly id: string;
  readonly oldInputs: Wire;
  readonly oldOutputs: Wire;
  readonly inputs: Wire;
}

export interface PropertyChange extends Difference {
  /** The resource has to be made anew for it. */
  readonly replaces: boolean;
}

export interface DiffAnswer {
  readonly changes: readonly PropertyChange[];
  readonly deleteBeforeReplace?: boolean;
}

export interface CreateRequest extends ResourceIdentity {
  readonly inputs: Wire;
  readonly preview: boolean;
  /** By the resource's custom timeouts; 0 where it has none. */
  readonly timeoutSeconds: number;
}

export interface CreateAnswer {
  readonly id: string;
  readonly outputs: Wire;
}

export interface UpdateRequest extends CreateRequest {
  readonly id: string;
  readonly oldInputs: Wire;
  readonly oldOutputs: Wire;
}

export interface ReadRequest extends ResourceIdentity {
  readonly id: string;
  /** Empty for a resource that is looked up or imported. */
  readonly inputs: Wire;
  readonly outputs: Wire;
}

export interface ReadAnswer {
  readonly inputs: Wire;
  readonly outputs: Wire;
}

export interface DeleteRequest extends ResourceIdentity {
  readonly id: string;
  readonly inputs: Wire;
  readonly outputs: Wire;
  readonly timeoutSeconds: number;
}

/** What a plugin does, without the protocol that it is asked in. */
export interface ResourceProvider {
  /** What of the provider's own settings changed, and whether everything that it made has to be made anew. */
  diffConfig(before: Wire, after: Wire): DiffAnswer;
  /** Called once before everything else, with the provider's settings, secrets in clear. */
  configure(settings: Wire): Promise<void>;
  check(request: CheckRequest): Promise<CheckAnswer>;
  diff(request: DiffRequest): Promise<DiffAnswer>;
  /** @throws IncompleteResource where it exists but does not work yet */
  create(request: CreateRequest): Promise<CreateAnswer>;
  /** Undefined where it is gone. */
  read(request: ReadRequest): Promise<ReadAnswer | undefined>;
  /** @throws IncompleteResource */
  update(request: UpdateRequest): Promise<Wire>;
  /** Succeeds where nothing is left to delete. */
  delete(request: DeleteRequest): Promise<void>;
  invoke(token: string, args: Wire): Promise<Wire>;
  /** The engine was asked to stop: what waits ends soon. */
  cancel(): void;
}

/** The resource exists but is not what it should be; the engine keeps it and updates it the next time. */
export class IncompleteResource extends Error {
  readonly id: string;
  readonly outputs: Wire;
  readonly inputs: Wire;
  readonly reasons: readonly string[];

  constructor(id: string, inputs: Wire, outputs: Wire, reasons: readonly string[]) {
    super(reasons.join("; "));
    this.id = id;
    this.inputs = inputs;
    this.outputs = outputs;
    this.reasons = reasons;
  }
}
