import { contextOfPlan } from "../../policies/cost-context.ts";
import { evaluatePolicies, type PolicyResult } from "../../policies/evaluate.ts";
import type { PolicyResource } from "../../policies/policy.ts";
import { policies } from "../../policies/registry.ts";
import type { PlatformPlan } from "../../platform/plan/platform-plan.ts";
import { planPlatform } from "../../platform/plan/plan.ts";
import { loadSpec } from "../../platform/spec/load.ts";
import { platformProgram } from "../../stacks/program.ts";
import { readStackSettings, settingsNamespace } from "../../stacks/stack-settings.ts";
import { recordProgram, type RecordedResource } from "./recorded-program.ts";
import { requireStackName } from "./stack-name.ts";
import { judgedValue, readableLeaves, readableValue } from "./wire-values.ts";

export interface OfflinePreviewOptions {
  /** Path of the platform spec. */
  readonly specFile: string;
  /** @default the spec's stage */
  readonly stack?: string;
  /** The stack's own settings, such as `kubeconfig`, without the prefix. Secret ones are masked. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A resource as an update would register it. */
export interface PreviewedResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** URN of the parent; null for the stack itself. */
  readonly parent: string | null;
  /** Secrets are `<secret>`; what only a cloud could know is a placeholder such as `<id:NAME>` or `<unknown>`. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What an update of the stack would ask for. Plain data; the same spec gives the same preview, byte for byte. */
export interface OfflinePreview {
  /** Sorted by URN. */
  readonly resources: readonly PreviewedResource[];
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly plan: PlatformPlan;
  readonly policies: readonly PolicyResult[];
}

/**
 * Runs the program of a stack in this process under Pulumi's mocks, and judges the outcome by every policy. Asks
 * neither a cluster nor a cloud nor Domino, and needs no Pulumi CLI.
 *
 * @throws PlatformError
 */
export async function previewOffline(options: OfflinePreviewOptions): Promise<OfflinePreview> {
  if (options.stack !== undefined) requireStackName(options.stack);
  const spec = await loadSpec(options.specFile);
  const plan = planPlatform(spec);
  const stack = options.stack ?? spec.metadata.stage;
  const recorded = await recordProgram({ project: settingsNamespace, stack }, async () => ({
    ...(await platformProgram({
      spec,
      plan,
      settings: readStackSettings(stack, { spec: options.specFile, ...options.settings }),
      offline: true,
    })),
  }));
  return {
    resources: recorded.resources.map(previewedResource),
    outputs: readableValue(recorded.wireOutputs) as OfflinePreview["outputs"],
    plan,
    policies: evaluatePolicies(policies, recorded.resources.map(judgedResource), contextOfPlan(plan)),
  };
}

function previewedResource({ urn, type, name, parent, wireInputs }: RecordedResource): PreviewedResource {
  // The keys of a Secret are no secrets, and nobody could apply a manifest without them.
  const readable =
    type === "kubernetes:core/v1:Secret" ? readableLeaves(wireInputs) : readableValue(wireInputs);
  return { urn, type, name, parent: parent ?? null, inputs: readable as PreviewedResource["inputs"] };
}

function judgedResource({ urn, type, name, wireInputs }: RecordedResource): PolicyResource {
  return { urn, type, name, props: judgedValue(wireInputs) as PolicyResource["props"] };
}
