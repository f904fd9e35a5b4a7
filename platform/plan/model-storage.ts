import type { EngineSpec } from "../spec/schema.ts";

/** Where an engine's models lie; `<name>/<version>` of each model comes after it. */
export type ModelStorage =
  | { readonly kind: "dataset"; readonly dataset: string; readonly path: string }
  /** A claim that is there already; an empty path is its root. */
  | { readonly kind: "pvc"; readonly claim: string; readonly path: string }
  /** FSx for Lustre. */
  | {
      readonly kind: "fsx";
      readonly fileSystemId: string;
      readonly dnsName: string;
      readonly mountName: string;
      readonly path: string;
    }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      /** Without leading or trailing slash; may be empty. */
      readonly prefix: string;
      readonly access: S3Access;
    }
  /** A model's repository is `<organisation>/<name>`, its version a revision. */
  | {
      readonly kind: "hugging-face";
      readonly organisation: string;
      readonly tokenSecret?: { readonly name: string; readonly key: string };
    }
  /** An image that holds models and nothing that runs. */
  | { readonly kind: "image"; readonly reference: string };

/** `stream`: read by the engine. `copy`: copied to the node's disk before it starts. `mount`: by Mountpoint's driver. */
export type S3Access = "stream" | "copy" | "mount";

/** What engines differ in: whether and how they can load from a storage. */
export type StorageKind = Exclude<ModelStorage["kind"], "s3"> | `s3-${S3Access}`;

export function storageKind(storage: ModelStorage): StorageKind {
  return storage.kind === "s3" ? `s3-${storage.access}` : storage.kind;
}

/**
 * The storage of a spec's engine.
 *
 * @param supported what the engine loads from: its first way to read S3 is that of `s3://…` alone
 */
export function modelStorage(
  { storage }: Pick<EngineSpec, "storage">,
  supported: readonly StorageKind[],
): ModelStorage {
  if (typeof storage !== "string") {
    if ("dataset" in storage) return { kind: "dataset", ...storage };
    if ("fsx" in storage) return { kind: "fsx", ...storage.fsx, path: storage.path };
    if ("s3" in storage) return { kind: "s3", ...bucketAndPrefix(storage.s3), access: storage.access };
    return {
      kind: "hugging-face",
      organisation: storage.huggingFace,
      ...(storage.tokenSecret ? { tokenSecret: storage.tokenSecret } : {}),
    };
  }
  const [scheme, rest = ""] = storage.split("://", 2);
  switch (scheme) {
    case "s3":
      return { kind: "s3", ...bucketAndPrefix(storage), access: defaultS3Access(supported) };
    case "hf":
      return { kind: "hugging-face", organisation: rest };
    case "pvc": {
      const [claim = "", ...path] = rest.split("/");
      return { kind: "pvc", claim, path: path.join("/") };
    }
    case "oci":
      return { kind: "image", reference: rest };
    default:
      throw new RangeError(`"${storage}" is no storage that the schema lets through`);
  }
}

/** How an engine reads `s3://…` where the spec does not say it. */
export function defaultS3Access(supported: readonly StorageKind[]): S3Access {
  const first = supported.find((kind) => kind.startsWith("s3-"));
  return (first?.slice("s3-".length) as S3Access | undefined) ?? "stream";
}

function bucketAndPrefix(url: string): { readonly bucket: string; readonly prefix: string } {
  const [bucket = "", ...prefix] = url.slice("s3://".length).split("/");
  return { bucket, prefix: prefix.filter(Boolean).join("/") };
}
