import { z } from "zod";
import { imageReference, relativePath, secretReference } from "./formats.ts";

const storageForm = {
  error:
    "expected {dataset, path}, s3://bucket/prefix, hf://organisation, pvc://claim/path, {fsx, path} or oci://image@digest",
};

const bucketUrl = z
  .string()
  .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[A-Za-z0-9._=-]+)*\/?$/, storageForm);

const organisation = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?$/, {
  error: "expected an organisation of the Hugging Face hub, such as Qwen",
});

/** Where an engine's models lie; a version of a model is at `<storage>/<name>/<version>`. */
export const storageSchema = z.union(
  [
    z.strictObject({ dataset: z.string(), path: relativePath }),
    z.strictObject({
      s3: bucketUrl,
      access: z
        .enum(["stream", "copy", "mount"])
        .describe(
          "stream: the engine reads by itself. copy: an init container copies to the node's disk. mount: by Mountpoint's CSI driver.",
        ),
    }),
    z.strictObject({
      fsx: z.strictObject({
        fileSystemId: z
          .string()
          .regex(/^fs-[0-9a-f]{8,17}$/, { error: "expected a file system id such as fs-0abc1234" }),
        dnsName: z.string().regex(/^fs-[0-9a-f]{8,17}\.fsx\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/, {
          error: "expected the file system's DNS name, such as fs-0abc1234.fsx.us-west-2.amazonaws.com",
        }),
        mountName: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,8}$/, { error: "expected the mount name of the file system" }),
      }),
      path: relativePath,
    }),
    z.strictObject({ huggingFace: organisation, tokenSecret: secretReference.optional() }),
    bucketUrl,
    z.string().regex(/^hf:\/\/[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?$/, storageForm),
    z
      .string()
      .regex(
        /^pvc:\/\/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?!.*(?:\/|^)\.{1,2}(?:\/|$))(?:\/[A-Za-z0-9._-]+)*$/,
        storageForm,
      ),
    z
      .string()
      .startsWith("oci://", storageForm)
      .refine((value) => imageReference.safeParse(value.slice("oci://".length)).success, {
        error: "expected oci://registry/name with an exact tag or a digest",
      }),
  ],
  storageForm,
);

export type StorageSpec = z.output<typeof storageSchema>;
