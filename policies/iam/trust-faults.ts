import type { Statement } from "./policy-document.ts";

/** What is wrong with who may take a role. */
export function trustFaults(statement: Statement): string[] {
  if (!statement.allows) return [];
  const { label } = statement;
  const faults: string[] = [];
  if (statement.usesNotPrincipal) faults.push(`${label}: trusts by NotPrincipal; name the principals`);
  for (const { kind, id } of statement.principals) {
    if (/^[*?]+$/.test(id)) faults.push(`${label}: trusts everybody ("${id}"); name the principals`);
    else if (kind === "AWS" && /[*?]/.test(id))
      faults.push(`${label}: principal "${id}" has a wildcard; name it in full`);
  }
  if (statement.principals.some(({ kind, id }) => kind === "Federated" && id.includes("oidc-provider/"))) {
    faults.push(...subjectFaults(statement));
  }
  return faults;
}

/**
 * A cluster's OIDC provider vouches for every service account of the cluster: without the exact subject each of them
 * could take the role, and a wildcard in it lets whoever may name a service account take it.
 */
function subjectFaults({ label, conditions }: Statement): string[] {
  const subjects = [...(conditions.get("StringEquals") ?? [])]
    .filter(([key]) => key.toLowerCase().endsWith(":sub"))
    .flatMap(([, values]) => values);
  if (subjects.length === 0) {
    return [`${label}: trusts an OIDC provider without StringEquals on its sub; name the service account`];
  }
  return subjects
    .filter((subject) => /[*?]/.test(subject))
    .map((subject) => `${label}: sub "${subject}" has a wildcard; name the service account in full`);
}
