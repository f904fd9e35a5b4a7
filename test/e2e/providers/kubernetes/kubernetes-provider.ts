import { randomBytes } from "node:crypto";
import type { FailurePlan } from "../planned-failures.ts";
import { differencesOf } from "../wire/differences.ts";
import {
  IncompleteResource,
  type CheckAnswer,
  type CheckRequest,
  type CreateAnswer,
  type CreateRequest,
  type DeleteRequest,
  type DiffAnswer,
  type DiffRequest,
  type ReadAnswer,
  type ReadRequest,
  type ResourceProvider,
  type UpdateRequest,
} from "../wire/resource-provider.ts";
import { hasUnknown, isObject, propertiesWithSecretsOf, revealed, type Wire } from "../wire/values.ts";
import { ApiClient, ApiError } from "./api-client.ts";
import { autonamedInputs, isAutonamed } from "./autoname.ts";
import { timeoutSecondsOf, untilGone, untilReady } from "./await/awaiting.ts";
import { readinessRuleOf } from "./await/readiness-rules.ts";
import { clusterAccessOf } from "./cluster-access.ts";
import { ClusterObjects, type ObjectName } from "./cluster-objects.ts";
import { liveInputs } from "./live-inputs.ts";
import { fieldOf, kindOf, parseResourceId, resourceId, type Manifest } from "./manifest.ts";
import { fieldManagerOf, outputsOf, withSecretData } from "./object-state.ts";
import { needsReplacement } from "./replacement.ts";

/**
 * Stands in for the official Kubernetes provider before a real API server: server-side apply with strict validation,
 * waiting, replacement and refresh after the official one's rules for single objects. It has no Helm, no YAML files, no
 * Patch resources, and renders nothing to disk.
 */
export class KubernetesProvider implements ResourceProvider {
  readonly #failures: FailurePlan;
  readonly #cancellation = new AbortController();
  #cluster: Promise<ClusterObjects> = Promise.reject(new Error("the provider is not configured"));
  #namespace = "default";
  #mutable = { configMaps: false, secrets: false };
  #takesFields = false;
  #takesObjects = false;

  constructor(failures: FailurePlan) {
    this.#failures = failures;
    // Rejected until the settings come; whoever uses it before hears of it then.
    this.#cluster.catch(() => undefined);
  }

  diffConfig(before: Wire, after: Wire): DiffAnswer {
    const changes = differencesOf(before, after).filter(({ path }) => path[0] !== "version");
    const identified = before.clusterIdentifier !== undefined && after.clusterIdentifier !== undefined;
    const identity = identified ? ["clusterIdentifier"] : ["kubeconfig", "context", "cluster"];
    return {
      changes: changes.map((change) => ({ ...change, replaces: identity.includes(String(change.path[0])) })),
    };
  }

  async configure(settings: Wire): Promise<void> {
    const isOn = (setting: string) => String(settings[setting]) === "true";
    this.#mutable = { configMaps: isOn("enableConfigMapMutable"), secrets: isOn("enableSecretMutable") };
    this.#takesFields = isOn("enablePatchForce");
    this.#takesObjects = isOn("upsertExistingObjects");
    const access = await clusterAccessOf(settings);
    this.#namespace = access.namespace;
    this.#cluster = Promise.resolve(new ClusterObjects(new ApiClient(access)));
  }

  async check(request: CheckRequest): Promise<CheckAnswer> {
    return this.#failures.around("check", request, async () => {
      const kind = kindOf(request.type, request.inputs);
      const named = autonamedInputs(request.name, request.inputs, request.oldInputs, request.seed);
      const placed = this.#placed(named, (await (await this.#cluster).isNamespaced(kind)) === true);
      return { inputs: withSecretData(kind, { ...placed, ...kind }) };
    });
  }

  async diff(request: DiffRequest): Promise<DiffAnswer> {
    const { type, oldInputs, inputs } = request;
    return this.#failures.around("diff", request, async () => {
      const [before, after] = [kindOf(type, oldInputs), kindOf(type, inputs)];
      const plain = revealed(inputs) as Record<string, unknown>;
      const changes = differencesOf(oldInputs, inputs).map((difference) => ({
        ...difference,
        replaces: needsReplacement(difference, before, after, plain, this.#mutable),
      }));
      const keepsPlace = (["name", "namespace"] as const).every(
        (part) => fieldOf(oldInputs, "metadata", part) === fieldOf(inputs, "metadata", part),
      );
      // Two objects of one name cannot be; the old one has to go first.
      const deleteBeforeReplace =
        changes.some(({ replaces }) => replaces) && keepsPlace && !isAutonamed(inputs);
      return { changes, deleteBeforeReplace };
    });
  }

  async create(request: CreateRequest): Promise<CreateAnswer> {
    const fieldManager = `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
    const manifest = manifestOf(request.inputs);
    const cluster = await this.#cluster;
    if (request.preview) {
      // What exists is in the way of the trial: the update may delete it first, to make its successor.
      if (!hasUnknown(manifest) && !(await cluster.read(nameOfManifest(manifest)))) {
        await this.#tryOut(request.inputs, fieldManager);
      }
      return { id: "", outputs: request.inputs };
    }
    const live = await this.#failures.around("create", request, async () => {
      if (!this.#takesObjects && (await cluster.read(nameOfManifest(manifest)))) {
        throw new Error(`${manifest.kind} "${resourceId(manifest.metadata)}" already exists`);
      }
      return cluster.apply(manifest, { fieldManager, force: this.#isForced(manifest), dryRun: false });
    });
    const id = resourceId(live.metadata);
    return { id, outputs: await this.#awaited(id, live, request, fieldManager) };
  }

  async update(request: UpdateRequest): Promise<Wire> {
    const fieldManager =
      fieldManagerOf(request.oldOutputs) ?? `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
    if (request.preview) {
      const tried = await this.#tryOut(request.inputs, fieldManager);
      return tried
        ? outputsOf(tried, request.inputs, fieldManager)
        : { ...request.oldOutputs, ...request.inputs };
    }
    const manifest = manifestOf(request.inputs);
    const cluster = await this.#cluster;
    const live = await this.#failures.around("update", request, () =>
      cluster.apply(manifest, { fieldManager, force: this.#isForced(manifest), dryRun: false }),
    );
    return this.#awaited(request.id, live, request, fieldManager);
  }

  async read(request: ReadRequest): Promise<ReadAnswer | undefined> {
    return this.#failures.around("read", request, async () => {
      const cluster = await this.#cluster;
      const live = await cluster.read(nameOf(request));
      if (!live) return undefined;
      const known = Object.keys(request.inputs).length > 0;
      const found = known ? liveInputs(request.inputs, live) : importedInputs(live);
      const inputs = withSecretData(live, propertiesWithSecretsOf(request.inputs, found));
      const outputs = outputsOf(live, inputs, fieldManagerOf(request.outputs) ?? "pulumi-kubernetes");
      const reasons = known ? await readinessRuleOf(live)(live, cluster) : [];
      if (reasons.length > 0) throw new IncompleteResource(request.id, inputs, outputs, reasons);
      return { inputs, outputs };
    });
  }

  async delete(request: DeleteRequest): Promise<void> {
    await this.#failures.around("delete", request, async () => {
      const cluster = await this.#cluster;
      const object = nameOf(request);
      const live = await cluster.read(object);
      if (!live) return;
      const policy = live.metadata.annotations?.["pulumi.com/deletionPropagationPolicy"] ?? "foreground";
      await cluster.remove(object, `${policy.charAt(0).toUpperCase()}${policy.slice(1)}`);
      await untilGone(cluster, object, {
        timeoutSeconds: timeoutSecondsOf(request.timeoutSeconds, live),
        signal: this.#cancellation.signal,
      });
    });
  }

  invoke(token: string): Promise<Wire> {
    return Promise.reject(new Error(`the stand-in provider does not know the function ${token}`));
  }

  cancel(): void {
    this.#cancellation.abort();
  }

  /** Objects that name no namespace are in the provider's. */
  #placed(inputs: Wire, isNamespaced: boolean): Wire {
    const { metadata } = inputs;
    if (!isNamespaced || !isObject(metadata) || (metadata.namespace ?? "") !== "") return inputs;
    return { ...inputs, metadata: { ...metadata, namespace: this.#namespace } };
  }

  #isForced({ metadata }: Manifest): boolean {
    return this.#takesFields || metadata.annotations?.["pulumi.com/patchForce"] === "true";
  }

  /** What the server would make of it; undefined where it cannot tell, because something it needs is yet to come. */
  async #tryOut(inputs: Wire, fieldManager: string): Promise<Manifest | undefined> {
    if (hasUnknown(inputs)) return undefined;
    const manifest = manifestOf(inputs);
    try {
      const cluster = await this.#cluster;
      return await cluster.apply(manifest, { fieldManager, force: this.#isForced(manifest), dryRun: true });
    } catch (error) {
      if (ApiError.isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #awaited(
    id: string,
    applied: Manifest,
    { inputs, timeoutSeconds }: CreateRequest,
    fieldManager: string,
  ): Promise<Wire> {
    const { object, reasons } = await untilReady(await this.#cluster, nameOfManifest(applied), {
      timeoutSeconds: timeoutSecondsOf(timeoutSeconds, applied),
      signal: this.#cancellation.signal,
    });
    const outputs = outputsOf(object ?? applied, inputs, fieldManager);
    if (reasons.length > 0) throw new IncompleteResource(id, inputs, outputs, reasons);
    return outputs;
  }
}

function manifestOf(inputs: Wire): Manifest {
  return revealed(inputs) as Manifest;
}

function nameOf({ id, type, inputs, outputs }: ReadRequest): ObjectName {
  const { name, namespace } = parseResourceId(id);
  const { apiVersion, kind } = kindOf(type, { ...outputs, ...inputs });
  return { apiVersion, kind, name, ...placeOf(namespace) };
}

function nameOfManifest({ apiVersion, kind, metadata }: Manifest): ObjectName {
  return { apiVersion, kind, name: metadata.name, ...placeOf(metadata.namespace) };
}

function placeOf(namespace: string | undefined): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

/** Inputs of an object that was made elsewhere: all that is not the server's own. */
function importedInputs(live: Manifest): Wire {
  const { status: _status, metadata, ...rest } = live;
  const { name, namespace, labels, annotations } = metadata;
  const kept = { name, namespace, labels, annotations };
  return {
    ...rest,
    metadata: Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)),
  };
}
