import { describe, expect, test } from "vitest";
import { modelStorage, storageKind, type StorageKind } from "../../../platform/plan/model-storage.ts";
import { storageSchema } from "../../../platform/spec/storage-schema.ts";

const both: readonly StorageKind[] = ["dataset", "s3-copy", "s3-stream"];
const read = (storage: unknown, supported = both) =>
  modelStorage({ storage: storageSchema.parse(storage) }, supported);

describe("a storage", () => {
  test.each([
    [
      { dataset: "models", path: "a/b" },
      { kind: "dataset", dataset: "models", path: "a/b" },
    ],
    ["pvc://claim", { kind: "pvc", claim: "claim", path: "" }],
    ["pvc://claim/a/b", { kind: "pvc", claim: "claim", path: "a/b" }],
    ["s3://bucket", { kind: "s3", bucket: "bucket", prefix: "", access: "copy" }],
    [
      { s3: "s3://bucket/a/b/", access: "mount" },
      { kind: "s3", bucket: "bucket", prefix: "a/b", access: "mount" },
    ],
    ["hf://Qwen", { kind: "hugging-face", organisation: "Qwen" }],
    [
      { huggingFace: "meta-llama", tokenSecret: { name: "hub", key: "token" } },
      { kind: "hugging-face", organisation: "meta-llama", tokenSecret: { name: "hub", key: "token" } },
    ],
    [
      {
        fsx: {
          fileSystemId: "fs-0abc12345678",
          dnsName: "fs-0abc12345678.fsx.us-west-2.amazonaws.com",
          mountName: "abcd1234",
        },
        path: "models",
      },
      {
        kind: "fsx",
        fileSystemId: "fs-0abc12345678",
        dnsName: "fs-0abc12345678.fsx.us-west-2.amazonaws.com",
        mountName: "abcd1234",
        path: "models",
      },
    ],
    ["oci://registry.example/models:1.0", { kind: "image", reference: "registry.example/models:1.0" }],
  ])("is read out of %j", (written, expected) => {
    expect(read(written)).toEqual(expected);
  });

  test("on S3 alone is read in the engine's first way", () => {
    expect(read("s3://bucket", ["s3-mount", "s3-copy"])).toMatchObject({ access: "mount" });
    expect(storageKind(read("s3://bucket"))).toBe("s3-copy");
    expect(storageKind(read("hf://Qwen"))).toBe("hugging-face");
  });

  test.each([
    "s3://Bucket/x",
    "hf://",
    "hf://org/model",
    "pvc://Claim",
    "pvc://claim/../other",
    "oci://registry.example/models",
    "oci://registry.example/models:latest",
    { s3: "s3://bucket" },
    { dataset: "models", path: "../x" },
    { huggingFace: "meta-llama", token: "hf_secret" },
    "https://example.com/models",
  ])("is not read out of %j", (written) => {
    expect(storageSchema.safeParse(written).success).toBe(false);
  });
});
