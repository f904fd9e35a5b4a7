import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  dynamoBackends,
  frontendImage,
  imageTag,
  isOfRelease,
  plannerImage,
  runtimeImage,
} from "../../../../platform/engines/dynamo/release.ts";

const version = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20)).map((parts) => parts.join("."));
const registry = fc.constantFrom("nvcr.io/nvidia/ai-dynamo", "mirror.example:5000/dynamo", "mirror");

describe("a release", () => {
  test("has all its images at one version, whatever the registry", () => {
    fc.assert(
      fc.property(version, registry, (ownVersion, ownRegistry) => {
        const release = { version: ownVersion, registry: ownRegistry };
        const images = [
          ...dynamoBackends.map((backend) => runtimeImage(backend, release)),
          frontendImage(release),
          plannerImage(release),
        ];
        expect(new Set(images).size).toBe(5);
        for (const image of images) {
          expect(image.startsWith(`${ownRegistry}/`)).toBe(true);
          expect(imageTag(image)).toBe(ownVersion);
          expect(isOfRelease(image, ownVersion)).toBe(true);
        }
      }),
    );
  });

  test("takes no image of another version for its own, even where one begins like the other", () => {
    fc.assert(
      fc.property(version, version, registry, (own, other, ownRegistry) => {
        fc.pre(own !== other);
        expect(isOfRelease(runtimeImage("vllm", { version: other, registry: ownRegistry }), own)).toBe(false);
      }),
    );
    expect(isOfRelease("x/vllm-runtime:1.3.10", "1.3.1")).toBe(false);
  });

  test.each([
    ["a variant", "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.3.1-cuda13", true],
    ["a tag that a digest fixes", `mirror.example/vllm-runtime:1.3.1@sha256:${"0".repeat(64)}`, true],
    [
      "a digest alone, which says nothing",
      `mirror.example:5000/vllm-runtime@sha256:${"0".repeat(64)}`,
      false,
    ],
    ["no tag behind a port", "mirror.example:1.3.1/vllm-runtime", false],
  ])("judges %s by its tag", (_what, image, expected) => {
    expect(isOfRelease(image, "1.3.1")).toBe(expected);
  });
});
