import { expect, test } from "vitest";
import { dnsSuffixOf, partitionOf } from "../../../components/identity/partition.ts";

test("the partition is the second part of an ARN, and the commercial one where there is no ARN", () => {
  expect(partitionOf("arn:aws-cn:kms:cn-north-1:123456789012:key/1")).toBe("aws-cn");
  expect(partitionOf("alias/models")).toBe("aws");
});

test("only China's names end in a suffix of their own", () => {
  expect(["aws", "aws-us-gov", "aws-cn"].map(dnsSuffixOf)).toEqual([
    "amazonaws.com",
    "amazonaws.com",
    "amazonaws.com.cn",
  ]);
});
