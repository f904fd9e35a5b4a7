/** A resource as a policy sees it: the inputs of the program, plain data. */
export interface PolicyResource {
  readonly urn: string;
  /** Pulumi type token, such as `kubernetes:apps/v1:Deployment`. */
  readonly type: string;
  readonly name: string;
  /** Inputs, secrets in clear. What is not known yet is `{__pulumiUnknown: true}`, at any depth. */
  readonly props: Readonly<Record<string, unknown>>;
}

/** One resource that breaks a policy. */
export interface Violation {
  readonly urn: string;
  /** What was found and what to do; never a whole document, which could hold a secret. */
  readonly message: string;
}

/** `mandatory` stops the update, `advisory` only reports. */
export type PolicyLevel = "mandatory" | "advisory";

interface PolicyBase {
  readonly name: string;
  readonly description: string;
  readonly level: PolicyLevel;
}

/** Judges each resource by itself. */
export interface ResourcePolicy extends PolicyBase {
  /** Messages, one a violation. A value that is not known yet is not judged: it is when the update runs. */
  check(resource: PolicyResource): readonly string[];
}

/** Judges what only all resources together can show. */
export interface StackPolicy extends PolicyBase {
  /** JSON Schema of the policy's own configuration in a pack's configuration file. */
  readonly configSchema?: PolicyConfigSchema;
  checkStack(resources: readonly PolicyResource[], context: PolicyContext): readonly Violation[];
}

export type Policy = ResourcePolicy | StackPolicy;

export interface PolicyConfigSchema {
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What a policy is told besides the resources. */
export interface PolicyContext {
  /** Most that the nodes may cost an hour. Default: what the node groups' tag says, else unlimited. */
  readonly budgetUsdPerHour?: number;
  /** List price of an EC2 instance type; absent where nobody knows it. */
  usdPerHourOf(instanceType: string): number | undefined;
}

export function isStackPolicy(policy: Policy): policy is StackPolicy {
  return "checkStack" in policy;
}
