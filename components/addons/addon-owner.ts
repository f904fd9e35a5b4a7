import { labelValue, partOf, recommendedLabels } from "../labels.ts";

/** The stack that installs an add-on: a cluster may hold one platform per stage, all of one name. */
export interface AddonOwner {
  /** Name of the platform. */
  readonly platform: string;
  /** Stage of the platform, such as `dev`. */
  readonly stage: string;
}

export const stageLabel = "domino-inference/stage";

/** Labels of what a stack installs an add-on with; `ownerOf` reads them. */
export function ownedLabels(release: string, { platform, stage }: AddonOwner): Record<string, string> {
  return {
    ...recommendedLabels({ name: release, instance: platform, component: "addon" }),
    [stageLabel]: stage,
  };
}

/** The stack that put an add-on into a namespace of these labels; undefined where none of this program did. */
export function ownerOf(labels: Readonly<Record<string, string>>): AddonOwner | undefined {
  if (labels["app.kubernetes.io/part-of"] !== partOf || labels["app.kubernetes.io/component"] !== "addon") {
    return undefined;
  }
  return { platform: labels["app.kubernetes.io/instance"] ?? "", stage: labels[stageLabel] ?? "" };
}

/** Whether what `ownerOf` found is the given stack. */
export function isSameOwner(found: AddonOwner, { platform, stage }: AddonOwner): boolean {
  return found.platform === labelValue(platform) && found.stage === stage;
}
