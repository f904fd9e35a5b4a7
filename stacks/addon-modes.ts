import { addonFacts, isOperatorImage, type AddonFacts } from "../components/addons/addon-facts.ts";
import type { AddonMode, AddonModes } from "../components/addons/addon-mode.ts";
import { isSameOwner, ownerOf, type AddonOwner } from "../components/addons/addon-owner.ts";
import type { AddonName } from "../platform/engines/addon-name.ts";
import { PlatformError, type Problem } from "../platform/errors/platform-error.ts";
import { addonTitles, addonUsers } from "../platform/spec/addon-users.ts";
import type { PlatformSpec } from "../platform/spec/schema.ts";
import { ClusterReadFailure, openCluster, type ClusterReader } from "./cluster-reader.ts";
import type { ClusterAccess } from "./providers.ts";

export interface AddonLookup {
  /** Ask nobody: what the spec does not state is installed. */
  readonly offline: boolean;
  readonly access: ClusterAccess;
  /**
   * Time for all answers of the cluster together, in ms.
   * @default 15000
   */
  readonly timeoutMs?: number;
}

/** Thrown for one add-on; becomes a problem. */
class Undecided extends Error {
  readonly remedy: string;

  constructor(reason: string, remedy: string) {
    super(reason);
    this.remedy = remedy;
  }
}

/**
 * Decides for every add-on that a spec uses whether the stack installs it: as the spec states it, else by what the
 * cluster has. What the stack installed itself it goes on installing, or an update would remove it.
 *
 * @throws PlatformError STACK_ADDON_UNRESOLVED with every add-on of which it cannot be told
 */
export async function addonModes(spec: PlatformSpec, lookup: AddonLookup): Promise<AddonModes> {
  const used = addonUsers(spec);
  const modes: Partial<Record<AddonName, AddonMode>> = {};
  const open: AddonName[] = [];
  for (const name of used.keys()) {
    const stated = spec.addons?.[name] ?? (lookup.offline ? "install" : undefined);
    if (stated === undefined) open.push(name);
    else modes[name] = stated;
  }
  if (open.length === 0) return modes;

  const owner = { platform: spec.metadata.name, stage: spec.metadata.stage };
  const timeoutMs = lookup.timeoutMs ?? 15_000;
  const late = new ClusterReadFailure(`the cluster did not answer within ${timeoutMs} ms`);
  const found = await within(timeoutMs, late, async (signal, deadline) => {
    const cluster = Promise.race([openCluster(lookup.access, signal), deadline]);
    let images: Promise<readonly string[]> | undefined;
    // Once, and only where it is needed: every Deployment of the cluster is read.
    const deploymentImages = async () => (images ??= (await cluster).deploymentImages());
    return Promise.allSettled(
      open.map((name) =>
        Promise.race([
          cluster.then((reader) => modeInCluster(name, owner, { ...reader, deploymentImages })),
          deadline,
        ]),
      ),
    );
  });
  const problems = open.flatMap((name, index): Problem[] => {
    const answer = found[index];
    if (answer?.status === "fulfilled") {
      modes[name] = answer.value;
      return [];
    }
    return [unresolved(name, used.get(name) ?? "", answer?.reason)];
  });
  if (problems.length > 0) throw new PlatformError(problems);
  return modes;
}

/** Runs work with a promise that fails when the time is over. */
async function within<T>(
  timeoutMs: number,
  late: Error,
  work: (signal: AbortSignal, deadline: Promise<never>) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // First, so that nobody hears of the aborted requests instead.
      reject(late);
      end.abort();
    }, timeoutMs);
  });
  deadline.catch(() => undefined);
  try {
    return await work(end.signal, deadline);
  } finally {
    clearTimeout(timer);
  }
}

async function modeInCluster(name: AddonName, owner: AddonOwner, cluster: ClusterReader): Promise<AddonMode> {
  const facts: AddonFacts = addonFacts[name];
  const title = addonTitles[name];
  const labels = await cluster.namespaceLabels(facts.namespace);
  const holder = labels && ownerOf(labels);
  if (holder && isSameOwner(holder, owner)) return "install";
  if (holder) {
    throw new Undecided(
      `platform "${holder.platform}" of stage ${holder.stage || "unknown"} has installed it in namespace "${facts.namespace}"`,
      // A renamed platform that took it for another's would remove it.
      `Say addons.${name}: present where that is another stack, or install where it is this one under its former name.`,
    );
  }
  const defined = await Promise.all(
    facts.definitions.map((definition) => cluster.isDefined(definition.name)),
  );
  const there = facts.definitions.filter((_, index) => defined[index]).map((definition) => definition.name);
  if (there.length === 0) {
    if (!labels) return "install";
    throw new Undecided(
      `the cluster has no ${title}, and namespace "${facts.namespace}", into which it would be installed, is another's`,
      `Remove the namespace where it is empty, or install ${title} by other means and say addons.${name}: present.`,
    );
  }
  if ((await cluster.deploymentImages()).some((image) => isOperatorImage(facts, image))) return "present";
  throw new Undecided(
    `the cluster has the definition of ${there.join(" and ")}, and no Deployment with an operator that is known for it`,
    `Say addons.${name}: install where a former installation left its definitions behind, or present where something else acts on them.`,
  );
}

function unresolved(name: AddonName, user: string, reason: unknown): Problem {
  const text =
    reason instanceof Undecided || reason instanceof ClusterReadFailure
      ? reason.message
      : "the lookup in the cluster failed";
  return {
    code: "STACK_ADDON_UNRESOLVED",
    path: `addons.${name}`,
    message: `${user} needs ${addonTitles[name]}: ${text}`,
    allowed: "install, or present where the cluster has it already",
    ...(reason instanceof Undecided ? { remedy: reason.remedy } : {}),
  };
}
