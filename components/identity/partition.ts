/** `aws`, `aws-us-gov` or `aws-cn`: the second part of every ARN. */
export function partitionOf(arn: string): string {
  return arn.split(":")[1] ?? "aws";
}

/** What the names of AWS services end in. China has its own; GovCloud shares that of the commercial regions. */
export function dnsSuffixOf(partition: string): string {
  return partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
}
