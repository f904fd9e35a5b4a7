import { z } from "zod";

/** RFC 1035 label: what Kubernetes takes as the name of a Service, the strictest of its names. */
export const label = (maxLength: number): z.ZodString =>
  z
    .string()
    .regex(/^[a-z]([a-z0-9-]*[a-z0-9])?$/, {
      error: "expected lower-case letters, digits and inner dashes, beginning with a letter",
    })
    .max(maxLength, { error: `expected at most ${maxLength} characters` });

/** Model and dataset names come from MLflow and Domino, which allow more than Kubernetes does. */
export const registeredName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, {
  error: "expected up to 100 letters, digits, dots, underscores and dashes, beginning with a letter or digit",
});

const versionForm = { error: "expected a whole number from 1, or a short text such as 2026-05" };

/** A registered version, or a revision of a model hub: a commit has 40 characters. */
export const versionText = z
  .union([z.int().min(1), z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, versionForm)], versionForm)
  .transform(String);

export const relativePath = z
  .string()
  .regex(/^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/, {
    error: "expected a relative path without . and .., such as models/pre-load",
  });

export const imageReference = z
  .string()
  .regex(
    /^[\w.-]+(?::\d+)?(?:\/[\w.-]+)*(?::(?!latest$)[\w][\w.-]{0,127}(?:@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$/,
    {
      error: "expected an image with an exact tag (not latest) or a digest, such as registry/name:1.2.3",
    },
  );

/** Name of an object such as a Secret, a ConfigMap or a claim. */
export const objectName = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, {
  error: "expected lower-case letters, digits, dots and dashes, such as hf-token",
});

/** Key of a Secret or a ConfigMap. */
export const dataKey = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,253}$/, { error: "expected letters, digits, dots, underscores and dashes" });

/** A value that is in a Secret of the engine's namespace, and never in a spec. */
export const secretReference = z
  .strictObject({ name: objectName, key: dataKey })
  .describe("A Secret of the engine's namespace, and the key in it.");
