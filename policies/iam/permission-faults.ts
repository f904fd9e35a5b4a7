import type { Statement } from "./policy-document.ts";

/**
 * Actions that AWS cannot limit to a resource: for these `Resource: "*"` is the only form there is. Short on purpose:
 * what a platform of this kind needs, from the service authorization reference.
 */
const actionsWithoutResourceLevel: readonly RegExp[] = [
  /^autoscaling:describe/,
  /^cloudwatch:(?:getmetricdata|getmetricstatistics|listmetrics|putmetricdata)$/,
  /^ec2:describe/,
  /^ecr:getauthorizationtoken$/,
  /^eks:listclusters$/,
  /^kms:listaliases$/,
  /^pricing:/,
  /^s3:listallmybuckets$/,
  /^sts:getcalleridentity$/,
  /^tag:getresources$/,
];

/** What is wrong with what an identity may do. Denials are never too wide. */
export function permissionFaults(statement: Statement): string[] {
  if (!statement.allows) return [];
  const { label } = statement;
  const faults: string[] = [];
  if (statement.usesNotAction) faults.push(`${label}: allows by NotAction; list the actions`);
  if (statement.usesNotResource) faults.push(`${label}: allows by NotResource; list the resources`);
  for (const action of statement.actions.filter(isWholeService)) {
    faults.push(`${label}: action "${action}" is a whole service; list the actions`);
  }
  const limitable = statement.actions.filter((action) => !lacksResourceLevel(action));
  for (const resource of statement.resources.filter(isEveryResource)) {
    if (limitable.length > 0) {
      faults.push(`${label}: resource "${resource}" with ${limitable.join(", ")}; name the resources`);
    }
  }
  return faults;
}

function isWholeService(action: string): boolean {
  const [service = "", ...verb] = action.split(":");
  return /[*?]/.test(service) || /^[*?]+$/.test(verb.join(":"));
}

function lacksResourceLevel(action: string): boolean {
  return actionsWithoutResourceLevel.some((pattern) => pattern.test(action.toLowerCase()));
}

/** `*`, and ARNs that name no resource of the service, such as `arn:aws:s3:::*`. */
function isEveryResource(resource: string): boolean {
  if (/^[*?]+$/.test(resource)) return true;
  const [, , service = "", , , ...rest] = resource.split(":");
  return rest.length > 0 && (/[*?]/.test(service) || /^\*+(?:[/:]\*+)*$/.test(rest.join(":")));
}
