/** `aws`, `aws-us-gov` or `aws-cn`: the second part of every ARN. */
export function partitionOf(arn: string): string {
  return arn.split(":")[1] ?? "aws";
}
