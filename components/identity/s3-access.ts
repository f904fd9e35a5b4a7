import { dnsSuffixOf, partitionOf } from "./partition.ts";

/** A part of a bucket and what may be done with it. */
export interface S3Access {
  readonly bucket: string;
  /** Folder in the bucket, without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
  /**
   * More folders of the same bucket.
   * @default none
   */
  readonly furtherPrefixes?: readonly string[];
  readonly access: "read" | "read-write";
  /** Key that the bucket is encrypted with. */
  readonly kmsKeyArn: string;
  /** Region of the bucket and its key. */
  readonly region: string;
}

/** A service account that may take a role. */
export interface ServiceAccountSubject {
  readonly namespace: string;
  readonly name: string;
}

interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

interface PolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

/** The least that clients of S3 need to work with one prefix of an encrypted bucket. */
export function s3AccessPolicy(access: S3Access): PolicyDocument {
  const partition = partitionOf(access.kmsKeyArn);
  const bucket = `arn:${partition}:s3:::${access.bucket}`;
  const write = access.access === "read-write";
  const prefixes = [access.prefix, ...(access.furtherPrefixes ?? [])];
  const objects = prefixes.map((prefix) => [bucket, prefix, "*"].filter(Boolean).join("/"));
  return {
    Version: "2012-10-17",
    Statement: [
      // Of its own: the request carries no prefix, so under a condition on the prefix it would never be allowed.
      { Sid: "FindBucket", Effect: "Allow", Action: ["s3:GetBucketLocation"], Resource: bucket },
      {
        Sid: "ListPrefix",
        Effect: "Allow",
        Action: ["s3:ListBucket", ...(write ? ["s3:ListBucketMultipartUploads"] : [])],
        Resource: bucket,
        ...(prefixes.includes("")
          ? {}
          : {
              Condition: {
                StringLike: { "s3:prefix": prefixes.flatMap((prefix) => [prefix, `${prefix}/*`]) },
              },
            }),
      },
      {
        Sid: write ? "ReadAndWriteObjects" : "ReadObjects",
        Effect: "Allow",
        Action: [
          "s3:GetObject",
          ...(write
            ? ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
            : []),
        ],
        Resource: objects.length === 1 ? (objects[0] ?? bucket) : objects,
      },
      {
        Sid: "UseKeyThroughS3",
        Effect: "Allow",
        // Parts of a multipart upload are decrypted when they are joined, so writers need both.
        Action: ["kms:Decrypt", ...(write ? ["kms:GenerateDataKey"] : [])],
        Resource: access.kmsKeyArn,
        Condition: { StringEquals: { "kms:ViaService": `s3.${access.region}.${dnsSuffixOf(partition)}` } },
      },
    ],
  };
}

/** Who may take the role: exactly these service accounts, by tokens that were issued for AWS. */
export function serviceAccountTrust(
  providerArn: string,
  oidcIssuer: string,
  subjects: readonly ServiceAccountSubject[],
): object {
  const names = subjects.map((subject) => `system:serviceaccount:${subject.namespace}:${subject.name}`);
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Federated: providerArn },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: {
          StringEquals: {
            // A name that EKS writes into tokens, not an address: it is this one in every partition.
            [`${oidcIssuer}:aud`]: "sts.amazonaws.com",
            [`${oidcIssuer}:sub`]: names.length === 1 ? names[0] : names.toSorted(),
          },
        },
      },
    ],
  };
}
