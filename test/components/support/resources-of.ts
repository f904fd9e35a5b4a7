import * as pulumi from "@pulumi/pulumi";
import { signatureKey } from "../../../services/automation/wire-values.ts";
import { placeholderAnswer, placeholderId, placeholderState } from "../../../stacks/placeholders.ts";

/** A resource as the engine would see it. */
export interface RecordedResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** URN of the parent; empty at the top. */
  readonly parent: string;
  /** With outputs resolved and secrets replaced by `[secret]`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- every resource type has other inputs
  readonly inputs: any;
  /** URNs of what it is created after. */
  readonly dependencies: readonly string[];
  readonly timeouts:
    { readonly create: string; readonly update: string; readonly delete: string } | undefined;
  /** Reference of the provider: its URN and id. */
  readonly provider: string;
}

export interface Recording<T> {
  /** Sorted by URN. */
  readonly resources: readonly RecordedResource[];
  /** What components say of themselves when they are complete, by their URN. */
  readonly registeredOutputs: ReadonlyMap<string, unknown>;
  readonly result: T;
}

/** What Pulumi's mocks hand the monitor: a protobuf message, as far as it is read here. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getDependenciesList(): string[];
  getObject(): Parameters<typeof pulumi.runtime.deserializeProperties>[0];
  getCustomtimeouts(): { getCreate(): string; getUpdate(): string; getDelete(): string } | undefined;
}
interface RegisterResponse {
  getUrn(): string;
}
interface RegisterOutputsRequest {
  getUrn(): string;
  getOutputs(): Parameters<typeof pulumi.runtime.deserializeProperties>[0];
}
interface Monitor {
  registerResource(
    request: RegisterRequest,
    callback: (error: Error | null, response?: RegisterResponse) => void,
  ): Promise<void>;
  registerResourceOutputs(
    request: RegisterOutputsRequest,
    callback: (error: Error | null, response?: unknown) => void,
  ): void;
}

/**
 * Runs a program under Pulumi's mocks and returns every resource that it registered, once all of them are.
 * Pulumi's own mocks leave out parents, dependencies and timeouts; the monitor behind them is asked instead.
 */
export async function recordingOf<T>(program: () => T | Promise<T>): Promise<Recording<T>> {
  const resources: RecordedResource[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const resource = { type, name, inputs };
        return { id: placeholderId(resource), state: placeholderState(resource) };
      },
      call: placeholderAnswer,
    },
    "domino-inference",
    "test",
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    register(request, (error, response) => {
      if (response) resources.push(recorded(request, response));
      callback(error, response);
    });
  const registeredOutputs = new Map<string, unknown>();
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, callback) => {
    registeredOutputs.set(
      request.getUrn(),
      plain(pulumi.runtime.deserializeProperties(request.getOutputs())),
    );
    registerOutputs(request, callback);
  };
  let result: T;
  try {
    result = await program();
  } finally {
    // Also after a refusal: what was registered before it would else arrive in the next recording.
    await pulumi.runtime.disconnect();
  }
  return {
    resources: resources.toSorted((left, right) => (left.urn < right.urn ? -1 : 1)),
    registeredOutputs,
    result,
  };
}

/** The resources that a program registers, sorted by URN. */
export async function resourcesOf(program: () => unknown): Promise<readonly RecordedResource[]> {
  return (await recordingOf(program)).resources;
}

/** The one resource of a type whose name ends in `name`; a clear error where there is none or several. */
export function only(resources: readonly RecordedResource[], type: string, name = ""): RecordedResource {
  const found = resources.filter((resource) => resource.type.endsWith(type) && resource.name.endsWith(name));
  const [first] = found;
  if (first === undefined || found.length > 1) {
    const names = resources.map((resource) => `${resource.type} ${resource.name}`).join("\n");
    throw new Error(`${found.length} resources are a ${type} named …${name}, expected one of:\n${names}`);
  }
  return first;
}

function recorded(request: RegisterRequest, response: RegisterResponse): RecordedResource {
  const timeouts = request.getCustomtimeouts();
  return {
    urn: response.getUrn(),
    type: request.getType(),
    name: request.getName(),
    parent: request.getParent(),
    inputs: plain(pulumi.runtime.deserializeProperties(request.getObject())),
    dependencies: request.getDependenciesList(),
    timeouts: timeouts && {
      create: timeouts.getCreate(),
      update: timeouts.getUpdate(),
      delete: timeouts.getDelete(),
    },
    provider: request.getProvider(),
  };
}

/** Replaces Pulumi's envelopes of secrets; everything else stays. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if (signatureKey in value) return "[secret]";
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
}

/** URNs of everything that a resource is created after, directly or through others. */
export function createdAfter(
  resources: readonly RecordedResource[],
  resource: RecordedResource,
): ReadonlySet<string> {
  const direct = new Map(resources.map(({ urn, dependencies }) => [urn, dependencies]));
  const found = new Set<string>();
  const open = [...resource.dependencies];
  for (let urn = open.pop(); urn !== undefined; urn = open.pop()) {
    if (found.has(urn)) continue;
    found.add(urn);
    open.push(...(direct.get(urn) ?? []));
  }
  return found;
}
