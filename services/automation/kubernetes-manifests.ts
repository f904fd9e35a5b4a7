import type { PreviewedResource } from "./offline-preview.ts";
import { maskedSecret } from "./wire-values.ts";

/** A Kubernetes object as `kubectl apply` takes it. */
export type Manifest = Readonly<Record<string, unknown>> & {
  readonly apiVersion: string;
  readonly kind: string;
};

/** What other objects need to be there first. */
const firstKinds = ["Namespace", "CustomResourceDefinition", "ServiceAccount", "ConfigMap", "Secret"];

/**
 * The Kubernetes objects of a preview, in an order in which they can be applied. Components, providers, other clouds'
 * resources, Helm releases and patches of foreign objects are no manifests and are left out.
 */
export function kubernetesManifests(resources: readonly PreviewedResource[]): Manifest[] {
  return resources
    .flatMap((resource) => manifestOf(resource) ?? [])
    .map((manifest, index) => ({ manifest, rank: rankOf(manifest), index }))
    .toSorted((left, right) => left.rank - right.rank || left.index - right.index)
    .map(({ manifest }) => manifest);
}

function manifestOf({ type, name, inputs }: PreviewedResource): Manifest | undefined {
  if (!type.startsWith("kubernetes:") || type.startsWith("kubernetes:helm.sh/") || type.endsWith("Patch")) {
    return undefined;
  }
  const { apiVersion, kind, metadata, ...rest } = inputs;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  // Pulumi names what the program leaves unnamed after the resource.
  const named = typeof metadata === "object" && metadata !== null ? metadata : {};
  return {
    apiVersion,
    kind,
    metadata: { name, ...named },
    ...(kind === "Secret" ? applicableSecret(rest) : rest),
  };
}

/** `data` holds base64, which a mask is not: masked entries go to `stringData`, where any text may stand. */
function applicableSecret({
  data,
  stringData,
  ...rest
}: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries({ ...(data as object | undefined) });
  const masked = entries.filter(([, value]) => value === maskedSecret);
  const open = entries.filter(([, value]) => value !== maskedSecret);
  const texts = { ...Object.fromEntries(masked), ...(stringData as object | undefined) };
  return {
    ...rest,
    ...(open.length > 0 ? { data: Object.fromEntries(open) } : {}),
    ...(Object.keys(texts).length > 0 ? { stringData: texts } : {}),
  };
}

function rankOf({ kind }: Manifest): number {
  const rank = firstKinds.indexOf(kind);
  return rank < 0 ? firstKinds.length : rank;
}
