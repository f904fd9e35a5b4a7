import type { Wire } from "../wire/values.ts";

export const standInAccountId = "123456789012";
const defaultRegion = "us-west-2";

/** Where the stand-in's resources are, by the provider's settings. */
export interface CloudAccount {
  readonly accountId: string;
  readonly partition: string;
  readonly region: string;
  readonly dnsSuffix: string;
  readonly defaultTags: Readonly<Record<string, string>>;
}

/** @throws Error where the settings allow other accounts only, as AWS's provider does */
export function cloudAccountOf(settings: Wire): CloudAccount {
  const region = typeof settings.region === "string" ? settings.region : defaultRegion;
  const allowed = parsed(settings.allowedAccountIds);
  if (Array.isArray(allowed) && allowed.length > 0 && !allowed.includes(standInAccountId)) {
    throw new Error(`AWS account ID not allowed: ${standInAccountId}`);
  }
  const tags = parsed(settings.defaultTags) as { readonly tags?: Record<string, string> } | undefined;
  const china = region.startsWith("cn-");
  return {
    accountId: standInAccountId,
    partition: china ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws",
    region,
    dnsSuffix: china ? "amazonaws.com.cn" : "amazonaws.com",
    defaultTags: tags?.tags ?? {},
  };
}

/** Settings that are no text come as JSON. */
function parsed(setting: unknown): unknown {
  return typeof setting === "string" ? (JSON.parse(setting) as unknown) : setting;
}

export function arnOf(
  { accountId, partition, region }: CloudAccount,
  service: string,
  resource: string,
  scope: "regional" | "global" = "regional",
): string {
  return `arn:${partition}:${service}:${scope === "global" ? "" : region}:${accountId}:${resource}`;
}
