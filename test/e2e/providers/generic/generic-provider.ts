import { differencesOf, isWithin } from "../wire/differences.ts";
import type {
  CheckAnswer,
  CheckRequest,
  CreateAnswer,
  CreateRequest,
  DeleteRequest,
  DiffAnswer,
  DiffRequest,
  ReadAnswer,
  ReadRequest,
  ResourceProvider,
  UpdateRequest,
} from "../wire/resource-provider.ts";
import { propertiesWithSecretsOf, revealedProperties, unknown, type Wire } from "../wire/values.ts";
import { FailurePlan } from "../planned-failures.ts";
import { lookUp } from "./aws-lookups.ts";
import { awsTypes, otherType } from "./aws-types.ts";
import { cloudAccountOf, type CloudAccount } from "./cloud-account.ts";
import { namedInputs, withoutDefaults } from "./cloud-names.ts";
import { CloudRecords, RecordExists } from "./cloud-records.ts";
import { randomHex, type ResourceFacts, type ResourceType } from "./resource-type.ts";

/**
 * Stands in for a provider whose plugin and whose cloud are out of reach. It keeps what it is told, completes it with
 * well-formed ids, ARNs and names, and replaces, refuses and forgets as a cloud does. It claims no fidelity to AWS: it
 * checks no value, and knows a small table of types.
 */
export class GenericProvider implements ResourceProvider {
  readonly #folder: string;
  readonly #records: CloudRecords;
  readonly #failures: FailurePlan;
  #account: CloudAccount = cloudAccountOf({});

  constructor(folder: string) {
    this.#folder = folder;
    this.#records = new CloudRecords(folder);
    this.#failures = new FailurePlan(folder);
  }

  diffConfig(before: Wire, after: Wire): DiffAnswer {
    // Another region is another cloud: nothing of the old one is there.
    const changes = differencesOf(before, after).filter(({ path }) => path[0] !== "version");
    return { changes: changes.map((change) => ({ ...change, replaces: change.path[0] === "region" })) };
  }

  async configure(settings: Wire): Promise<void> {
    this.#account = cloudAccountOf(settings);
  }

  async check(request: CheckRequest): Promise<CheckAnswer> {
    return this.#failures.around("check", request, async () => ({
      inputs: namedInputs(typeOf(request.type), request),
    }));
  }

  async diff(request: DiffRequest): Promise<DiffAnswer> {
    const { replacedBy } = typeOf(request.type);
    return this.#failures.around("diff", request, async () => {
      const before = withoutDefaults(request.oldInputs);
      const differences = differencesOf(before, withoutDefaults(request.inputs));
      const changes = differences.map((change) => ({
        ...change,
        replaces: replacedBy.some((property) => isWithin(change.path, property)),
      }));
      return { changes };
    });
  }

  async create(request: CreateRequest): Promise<CreateAnswer> {
    const type = typeOf(request.type);
    const inputs = withoutDefaults(request.inputs);
    const facts = this.#facts(type, inputs);
    if (request.preview) {
      const computed = Object.keys(this.#completed(type, facts, ""));
      return { id: "", outputs: { ...unknowns(computed), ...inputs } };
    }
    return this.#failures.around("create", request, async () => {
      const id = type.id(facts);
      const properties = { ...facts.inputs, ...this.#completed(type, facts, id) };
      const record = { type: request.type, id, resource: request.name, properties };
      if (type.overwrites) await this.#records.put(record);
      else await this.#add(type, facts, record);
      return { id, outputs: withInputSecrets(inputs, properties) };
    });
  }

  async #add(type: ResourceType, facts: ResourceFacts, record: Parameters<CloudRecords["add"]>[0]) {
    const key = type.unique?.key(facts) ?? record.id;
    try {
      await this.#records.add(record, key);
    } catch (error) {
      if (error instanceof RecordExists && type.unique) throw new Error(type.unique.refusal(key));
      throw error;
    }
  }

  async read(request: ReadRequest): Promise<ReadAnswer | undefined> {
    return this.#failures.around("read", request, async () => {
      const record = await this.#records.get(request.type, request.id);
      if (!record) return undefined;
      const asked = Object.keys(withoutDefaults(request.inputs));
      // A resource that is looked up or imported has no inputs yet: then its inputs are what it would be made of.
      const names = asked.length > 0 ? asked : this.#inputNames(request.type, record.properties);
      const inputs = Object.fromEntries(
        names.filter((name) => name in record.properties).map((name) => [name, record.properties[name]]),
      );
      const { __defaults: defaults } = request.inputs;
      return {
        inputs: {
          ...propertiesWithSecretsOf(request.inputs, inputs),
          ...(defaults === undefined ? {} : { __defaults: defaults }),
        },
        outputs: propertiesWithSecretsOf(request.outputs, record.properties),
      };
    });
  }

  async update(request: UpdateRequest): Promise<Wire> {
    const type = typeOf(request.type);
    const [before, inputs] = [withoutDefaults(request.oldInputs), withoutDefaults(request.inputs)];
    const dropped = Object.keys(before).filter((name) => !(name in inputs));
    if (request.preview) {
      const outputs = { ...omit(request.oldOutputs, dropped), ...inputs };
      return { ...outputs, ...unknowns(Object.keys(type.updated?.(outputs) ?? {})) };
    }
    return this.#failures.around("update", request, async () => {
      const record = await this.#records.get(request.type, request.id);
      if (!record) throw new Error(`NotFound: ${request.type} ${request.id} does not exist`);
      const told = { ...omit(record.properties, dropped), ...revealedProperties(inputs) };
      const properties = {
        ...told,
        ...this.#tags(type, told),
        ...type.updated?.({ ...told, latestVersion: record.properties.latestVersion }),
      };
      await this.#records.put({ ...record, properties });
      return withInputSecrets(inputs, properties);
    });
  }

  async delete(request: DeleteRequest): Promise<void> {
    await this.#failures.around("delete", request, () => this.#records.remove(request.type, request.id));
  }

  async invoke(token: string, args: Wire): Promise<Wire> {
    return this.#failures.around("invoke", { type: token }, () =>
      lookUp(token, this.#account, args, this.#folder),
    );
  }

  cancel(): void {
    // Nothing here waits for a cloud.
  }

  #facts(type: ResourceType, inputs: Wire): ResourceFacts {
    const plain = revealedProperties(inputs);
    const property = (name: string | undefined) => (name === undefined ? undefined : plain[name]);
    const prefix = property(type.prefixProperty);
    const name =
      property(type.nameProperty) ?? (prefix === undefined ? "" : `${String(prefix)}${randomHex(26)}`);
    return { account: this.#account, inputs: plain, name: String(name).slice(0, type.nameMaxLength) };
  }

  /** What the cloud adds to the inputs. */
  #completed(type: ResourceType, facts: ResourceFacts, id: string): Record<string, unknown> {
    return {
      ...type.outputs(facts, id),
      ...(type.nameProperty === undefined ? {} : { [type.nameProperty]: facts.name }),
      ...this.#tags(type, facts.inputs),
    };
  }

  #tags(type: ResourceType, inputs: Readonly<Record<string, unknown>>): Record<string, unknown> {
    if (!type.tagged) return {};
    return { tagsAll: { ...this.#account.defaultTags, ...(inputs.tags as object | undefined) } };
  }

  #inputNames(token: string, properties: Wire): string[] {
    const type = typeOf(token);
    const completed = this.#completed(type, this.#facts(type, properties), "");
    return Object.keys(properties).filter((name) => !(name in completed) || name === type.nameProperty);
  }
}

function typeOf(token: string): ResourceType {
  return awsTypes[token] ?? otherType(token);
}

/** Outputs are secret where the inputs they repeat are: `tagsAll` repeats `tags`. */
function withInputSecrets(inputs: Wire, properties: Wire): Wire {
  return propertiesWithSecretsOf({ ...inputs, tagsAll: inputs.tags }, properties);
}

function unknowns(names: readonly string[]): Wire {
  return Object.fromEntries(names.map((name) => [name, unknown]));
}

function omit(properties: Wire, names: readonly string[]): Wire {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)));
}
