/** What `app.kubernetes.io/part-of` says on every object of this program. */
export const partOf = "domino-inference";

/** Who an object is, in the words of Kubernetes' recommended labels. */
export interface ObjectIdentity {
  /** The software, such as `triton` or `inference-proxy`. */
  readonly name: string;
  /** One instance of that software: the platform, or the replica group where there are several. */
  readonly instance: string;
  /** Its role in the platform, such as `inference-engine`. */
  readonly component: string;
  /** Version of the software, where it has one. */
  readonly version?: string;
}

/** The recommended labels, https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels. */
export function recommendedLabels(identity: ObjectIdentity): Record<string, string> {
  return {
    ...selectorLabels(identity),
    "app.kubernetes.io/part-of": partOf,
    "app.kubernetes.io/managed-by": "pulumi",
    ...(identity.version === undefined ? {} : { "app.kubernetes.io/version": labelValue(identity.version) }),
  };
}

/**
 * The labels that selectors use. A Deployment's selector can never change, so nothing that an upgrade changes (such as
 * the version) is among them.
 */
export function selectorLabels(identity: ObjectIdentity): Record<string, string> {
  return {
    "app.kubernetes.io/name": labelValue(identity.name),
    "app.kubernetes.io/instance": labelValue(identity.instance),
    "app.kubernetes.io/component": labelValue(identity.component),
  };
}

/** Makes a text fit for a label value: at most 63 letters, digits, `-`, `_` and `.`, beginning and ending alphanumeric. */
export function labelValue(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]+/g, "_")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63)
    .replace(/[^A-Za-z0-9]+$/, "");
}

/** The tag of an image, or nothing where it is given by digest alone. */
export function imageVersion(image: string): { readonly version?: string } {
  const tag = /^[^:@]+:([\w][\w.-]*)/.exec(image.slice(image.lastIndexOf("/") + 1))?.[1];
  return tag === undefined ? {} : { version: tag };
}
