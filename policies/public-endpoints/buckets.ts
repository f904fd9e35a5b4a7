import { statementsOf } from "../iam/policy-document.ts";
import { isUnknown, textAt, valueAt } from "../known-values.ts";
import type { PolicyResource } from "../policy.ts";

const accessBlocks = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

/** Ways in which objects of S3 become readable for everybody. */
export function bucketFaults({ type, props }: PolicyResource): string[] {
  switch (type) {
    case "aws:s3/bucket:Bucket":
    case "aws:s3/bucketV2:BucketV2":
    case "aws:s3/bucketAcl:BucketAcl":
    case "aws:s3/bucketAclV2:BucketAclV2":
      return publicAclFaults(textAt(props, "acl"));
    case "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":
    case "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock":
      return accessBlocks
        .filter((block) => props[block] !== true && !isUnknown(props[block]))
        .map((block) => `${block} is off; set it`);
    case "aws:s3/bucketPolicy:BucketPolicy":
      return statementsOf(valueAt(props, "policy")).some(
        (statement) =>
          statement.allows &&
          statement.principals.some(({ id }) => id === "*") &&
          statement.conditions.size === 0,
      )
        ? ["the bucket policy allows everybody; name the principals"]
        : [];
    default:
      return [];
  }
}

function publicAclFaults(acl: string | undefined): string[] {
  return acl?.startsWith("public-") || acl === "authenticated-read"
    ? [`the ACL "${acl}" is open to everybody; use private`]
    : [];
}
