import { beforeAll, describe, expect, test } from "vitest";
import { DatasetVolume } from "../../../components/storage/dataset-volume.ts";
import { only, resourcesOf, type RecordedResource } from "../support/resources-of.ts";

const args = {
  platform: "acme-dev",
  namespace: "domino-inference-dev",
  dataset: "triton-dev-ds",
  fileSystemId: "fs-0a1b2c3d",
  resourceId: "c55c998e-9080-4f0a-ac02-87b95a6e32c0",
};

describe("a dataset volume", () => {
  let resources: readonly RecordedResource[];
  beforeAll(async () => {
    resources = await resourcesOf(() => new DatasetVolume("volume", args));
  });

  test("has an access point of its own, rooted at the dataset's folder, as the user that Domino writes as", () => {
    expect(only(resources, ":AccessPoint").inputs).toMatchObject({
      fileSystemId: "fs-0a1b2c3d",
      posixUser: { uid: 12574, gid: 12574 },
      rootDirectory: { path: "/domino/filecache/c55c998e-9080-4f0a-ac02-87b95a6e32c0" },
    });
  });

  test("never creates the folder: a wrong id must fail, not serve an empty dataset", () => {
    expect(only(resources, ":AccessPoint").inputs.rootDirectory).not.toHaveProperty("creationInfo");
  });

  test("is a read-only volume over TLS that outlives the stack and only its claim can bind", () => {
    expect(only(resources, ":PersistentVolume").inputs).toMatchObject({
      metadata: { name: "domino-inference-dev-triton-dev-ds-c231ec7f" },
      spec: {
        capacity: { storage: "1Ti" },
        accessModes: ["ReadOnlyMany"],
        persistentVolumeReclaimPolicy: "Retain",
        storageClassName: "",
        claimRef: {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          namespace: "domino-inference-dev",
          name: "dataset-triton-dev-ds-c231ec7f",
        },
        mountOptions: ["tls"],
        csi: {
          driver: "efs.csi.aws.com",
          volumeHandle: "fs-0a1b2c3d::<id:volume-access-point>",
          readOnly: true,
        },
      },
    });
  });

  test("is claimed by name, never by a storage class that would provision an empty volume", () => {
    expect(only(resources, ":PersistentVolumeClaim").inputs).toMatchObject({
      metadata: { name: "dataset-triton-dev-ds-c231ec7f", namespace: "domino-inference-dev" },
      spec: {
        accessModes: ["ReadOnlyMany"],
        storageClassName: "",
        volumeName: "domino-inference-dev-triton-dev-ds-c231ec7f",
        resources: { requests: { storage: "1Ti" } },
      },
    });
  });

  test("gets another name in another namespace, as volumes have none", async () => {
    const other = await resourcesOf(
      () => new DatasetVolume("volume", { ...args, namespace: "domino-inference-test" }),
    );
    expect(only(other, ":PersistentVolume").inputs.metadata.name).toMatch(
      /^domino-inference-test-triton-dev-ds-[0-9a-f]{8}$/,
    );
  });

  test("shows namespace and dataset in the access point's name, parted by what a namespace cannot have", () => {
    expect(only(resources, ":AccessPoint").inputs.tags.Name).toBe("domino-inference-dev.triton-dev-ds");
  });

  const namesOf = async (change: { readonly namespace: string; readonly dataset: string }) => {
    const other = await resourcesOf(() => new DatasetVolume("volume", { ...args, ...change }));
    return {
      volume: only(other, ":PersistentVolume").inputs.metadata.name as string,
      claim: only(other, ":PersistentVolumeClaim").inputs.metadata.name as string,
      accessPoint: only(other, ":AccessPoint").inputs.tags.Name as string,
    };
  };

  test.each([
    ["join to one text", { namespace: "a", dataset: "b-c" }, { namespace: "a-b", dataset: "c" }],
    ["differ in capitals", { namespace: "a", dataset: "Models" }, { namespace: "a", dataset: "models" }],
    ["differ in marks", { namespace: "a", dataset: "m.v2" }, { namespace: "a", dataset: "m_v2" }],
    [
      "differ where they are cut",
      { namespace: "a", dataset: `${"d".repeat(99)}1` },
      { namespace: "a", dataset: `${"d".repeat(99)}2` },
    ],
  ])("has names of its own where namespace and dataset of two %s", async (_case, first, second) => {
    const [left, right] = [await namesOf(first), await namesOf(second)];
    expect(left.volume).not.toBe(right.volume);
    expect(left.claim).not.toBe(right.claim);
    expect(left.accessPoint).not.toBe(right.accessPoint);
    for (const { claim } of [left, right]) expect(claim.length).toBeLessThanOrEqual(63);
  });

  test("is another volume and claim for another folder, so that pods can move before the old ones go", async () => {
    const moved = await resourcesOf(
      () => new DatasetVolume("volume", { ...args, resourceId: "00000000-1111-4222-8333-444455556666" }),
    );
    for (const type of [":PersistentVolume", ":PersistentVolumeClaim"]) {
      expect(only(moved, type).inputs.metadata.name).not.toBe(only(resources, type).inputs.metadata.name);
    }
  });

  test("refuses ids that would lead to another folder or file system, both at once", async () => {
    const error = await resourcesOf(
      () => new DatasetVolume("volume", { ...args, fileSystemId: "", resourceId: "../.." }),
    ).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: 'dataset "triton-dev-ds" cannot be mounted',
      errors: [
        { propertyPath: "fileSystemId" },
        { propertyPath: "resourceId", reason: '"../.." is not a UUID' },
      ],
    });
  });

  test("makes a valid name, with one hash, of a dataset that Kubernetes could not be called by", async () => {
    const other = await resourcesOf(
      () => new DatasetVolume("volume", { ...args, dataset: "Fraud_Models.v2" }),
    );
    const name = only(other, ":PersistentVolumeClaim").inputs.metadata.name;
    expect(name).toMatch(/^dataset-fraud-models-v2-[0-9a-f]{8}$/);
    expect(only(other, ":PersistentVolume").inputs.spec.claimRef.name).toBe(name);
  });
});
