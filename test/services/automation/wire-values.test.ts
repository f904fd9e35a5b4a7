import { expect, test } from "vitest";
import { judgedValue, readableLeaves, readableValue } from "../../../services/automation/wire-values.ts";

const signature = "4dabf18193072939515e22adb298388d";
const secret = (value: unknown) => ({ [signature]: "1b47061264138c4ac30d75fd1eb44270", value });
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const wire = {
  open: "text",
  password: secret("s3cr3t"),
  list: [{ token: secret({ deep: ["s3cr3t"] }) }, unknown],
  file: { [signature]: "c44067f5952c0a294b673a41bacd8c17", path: "model.onnx" },
  folder: { [signature]: "0def7320c3a5731c473e5ecbe6d01bc7", path: "models" },
  reference: { [signature]: "5cf8f73096256a8f31e491e813e4eb8e", urn: "urn:pulumi:a::b::c::d" },
  nothing: null,
};

test("secrets are masked wherever they are nested, and everything else is readable", () => {
  expect(readableValue(wire)).toEqual({
    open: "text",
    password: "<secret>",
    list: [{ token: "<secret>" }, "<unknown>"],
    file: "<asset:model.onnx>",
    folder: "<archive:models>",
    reference: "<resource:urn:pulumi:a::b::c::d>",
    nothing: null,
  });
});

test("of a secret map the keys can be kept", () => {
  const data = secret({
    username: "s3cr3t",
    nested: { password: "s3cr3t", list: ["s3cr3t", secret("s3cr3t")] },
  });
  expect(readableLeaves({ kind: "Secret", data })).toEqual({
    kind: "Secret",
    data: { username: "<secret>", nested: { password: "<secret>", list: ["<secret>", "<secret>"] } },
  });
});

test("policies see secrets in clear, and marks where values are not known", () => {
  expect(judgedValue({ a: secret({ b: secret("s3cr3t") }), c: [unknown] })).toEqual({
    a: { b: "s3cr3t" },
    c: [{ __pulumiUnknown: true }],
  });
});
