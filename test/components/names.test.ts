import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { imageVersion, labelValue } from "../../components/labels.ts";
import { boundedName, objectName } from "../../components/names.ts";

const text = fc.string({ minLength: 1, maxLength: 120, unit: "grapheme" });

describe("objectName", () => {
  test("leaves a name alone that Kubernetes takes", () => {
    expect(objectName("domino-inference-dev-jane-admin")).toBe("domino-inference-dev-jane-admin");
  });
  test("keeps names apart that differ only in what had to be replaced", () => {
    expect(objectName("Jane.Doe")).toMatch(/^jane-doe-[0-9a-f]{8}$/);
    expect(objectName("Jane.Doe")).not.toBe(objectName("jane_doe"));
  });
  test("is an RFC 1123 label of at most 63 characters for any text", () => {
    fc.assert(fc.property(text, (given) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(objectName(given))));
  });
});

describe("boundedName", () => {
  test("keeps long names apart that begin alike", () => {
    const long = "acme-platform-".repeat(6);
    expect(boundedName(`${long}a`, 64)).toHaveLength(64);
    expect(boundedName(`${long}a`, 64)).not.toBe(boundedName(`${long}b`, 64));
  });
});

describe("labelValue", () => {
  test("is a valid label value for any text", () => {
    fc.assert(
      fc.property(text, (given) => /^(?:[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?)?$/.test(labelValue(given))),
    );
  });
  test("cuts a long value to 63 characters", () => {
    expect(labelValue("a".repeat(100))).toBe("a".repeat(63));
    expect(labelValue(`${"a".repeat(62)}-b`)).toBe("a".repeat(62));
  });
  test("leaves a valid value alone", () => {
    expect(labelValue("A100-80G")).toBe("A100-80G");
  });
});

describe("imageVersion", () => {
  test.each([
    ["nvcr.io/nvidia/tritonserver:26.07-py3", { version: "26.07-py3" }],
    ["localhost:5000/proxy:1.2.3@sha256:" + "a".repeat(64), { version: "1.2.3" }],
    ["localhost:5000/proxy@sha256:" + "a".repeat(64), {}],
  ])("%s", (image, expected) => {
    expect(imageVersion(image)).toEqual(expected);
  });
});
