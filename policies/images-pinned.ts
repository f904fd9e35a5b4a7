import { listAt, textAt } from "./known-values.ts";
import { containersOf, podSpecsOf } from "./pod-containers.ts";
import type { PolicyResource, ResourcePolicy } from "./policy.ts";

/** Tags that registries move to the newest build by convention. */
const movingTags = new Set(["latest", "stable", "main", "master", "edge", "nightly", "dev", "head"]);

const digest = /@sha256:[0-9a-f]{64}$/;

/** A restarted pod runs what was tested, and nothing that somebody pushed since. */
export const imagesPinned: ResourcePolicy = {
  name: "images-pinned",
  description: "Every image of a pod has an exact tag or a digest.",
  level: "mandatory",
  check(resource) {
    return imagesOf(resource).flatMap(({ place, image }) => {
      const fault = pinFault(image);
      return fault === undefined
        ? []
        : [`${place}: image "${image}" ${fault}; write an exact tag or a digest`];
    });
  },
};

function imagesOf(resource: PolicyResource): { place: string; image: string }[] {
  const containers = containersOf(resource).map(({ place, container }) => ({
    place,
    image: textAt(container, "image"),
  }));
  const volumes = podSpecsOf(resource).flatMap(({ place, spec }) =>
    listAt(spec, "volumes").map((volume, index) => ({
      place: `${place}volumes[${index}]`,
      image: textAt(volume, "image", "reference"),
    })),
  );
  return [...containers, ...volumes].flatMap(({ place, image }) =>
    image === undefined ? [] : [{ place, image }],
  );
}

function pinFault(image: string): string | undefined {
  if (digest.test(image)) return undefined;
  if (image.includes("@")) return "has a malformed digest";
  // A colon before the last slash belongs to the registry's port.
  const [, tag] = /:([^:/]+)$/.exec(image) ?? [];
  if (tag === undefined) return "has no tag";
  return movingTags.has(tag.toLowerCase()) ? `has the moving tag "${tag}"` : undefined;
}
