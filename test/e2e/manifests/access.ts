import type { Cluster } from "../cluster.ts";
import type { Finding } from "./finding.ts";

/** Something that a service account must be able to do. */
export interface AccessNeed {
  /** Of the account. */
  readonly namespace: string;
  readonly account: string;
  /**
   * Namespace of what it is done to.
   * @default the account's own
   */
  readonly inNamespace?: string;
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly resource: string;
}

/** A service account. */
export interface Account {
  readonly namespace: string;
  readonly account: string;
}

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

/**
 * Asks the API server's own authorizer what service accounts may do: each need must be granted, and nothing beyond the
 * needs and what every account of a cluster may.
 */
export async function wrongAccess(
  cluster: Cluster,
  accounts: readonly Account[],
  needs: readonly AccessNeed[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const need of needs) {
    const { namespace: own, inNamespace: namespace = own, verb, group, resource } = need;
    const { status } = await cluster.api.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: userOf(need),
          groups: groupsOf(need),
          resourceAttributes: { namespace, verb, group, resource },
        },
      },
    });
    if (status.allowed !== true) {
      findings.push({
        kind: "access-missing",
        object: objectOf(need),
        message: `may not ${shown(verb, group, resource)}${namespace === own ? "" : ` in ${namespace}`}`,
      });
    }
  }
  for (const account of accounts) {
    // An account that no binding names: what it may, every account may.
    const baseline = await granted(cluster, { ...account, account: "nobody" });
    const wanted = new Set(
      needs
        .filter((need) => userOf(need) === userOf(account))
        .filter(({ inNamespace = account.namespace }) => inNamespace === account.namespace)
        .map(({ verb, group, resource }) => shown(verb, group, resource)),
    );
    for (const right of await granted(cluster, account)) {
      if (baseline.has(right) || wanted.has(right)) continue;
      findings.push({ kind: "access-excess", object: objectOf(account), message: `may ${right}` });
    }
  }
  return findings;
}

/** Everything that an account may do in its namespace, a right a line. */
async function granted(cluster: Cluster, account: Account): Promise<ReadonlySet<string>> {
  const { status } = await cluster.api.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
    headers: { "impersonate-user": userOf(account) },
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectRulesReview",
      spec: { namespace: account.namespace },
    },
  });
  if (status.incomplete === true)
    throw new Error(`the API server does not know all rights: ${status.evaluationError}`);
  const rules: readonly Rule[] = [...status.resourceRules, ...status.nonResourceRules];
  return new Set(rules.flatMap(rightsOf));
}

function rightsOf({
  verbs,
  apiGroups = [],
  resources,
  resourceNames = [],
  nonResourceURLs = [],
}: Rule): readonly string[] {
  const names = resourceNames.length === 0 ? "" : ` named ${resourceNames.join(", ")}`;
  return verbs.flatMap((verb) =>
    resources === undefined
      ? nonResourceURLs.map((url) => `${verb} ${url}`)
      : apiGroups.flatMap((group) => resources.map((resource) => shown(verb, group, resource) + names)),
  );
}

function shown(verb: string, group: string, resource: string): string {
  return `${verb} ${resource}${group === "" ? "" : `.${group}`}`;
}

function userOf({ namespace, account }: Account): string {
  return `system:serviceaccount:${namespace}:${account}`;
}

function groupsOf({ namespace }: Account): readonly string[] {
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
}

function objectOf({ namespace, account }: Account): string {
  return `ServiceAccount ${namespace}/${account}`;
}
