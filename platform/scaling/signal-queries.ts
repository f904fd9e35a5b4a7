import type { ReplicaGroupPlan } from "../plan/platform-plan.ts";
import { labelMatchers, type LabelValues } from "./label-matchers.ts";
import { metricLabels } from "./metric-labels.ts";

/** A replica group, as far as its figures are found by it. */
export type MeasuredGroup = Pick<
  ReplicaGroupPlan,
  "name" | "namespace" | "engine" | "models" | "serviceClasses"
>;

/** Window of rates: long enough for several scrapes, short against the time a replica takes to start. */
const rateWindow = "2m";
const rateWindowMinutes = 2;

/** Window of gauges: one scrape may fall into a gap between two batches. */
const gaugeWindow = "1m";

/**
 * Requests that wait in the engines of a group, all replicas together.
 *
 * @param gauge the engine's own gauge of waiting requests
 */
export function queueQuery(gauge: string, group: MeasuredGroup): string {
  return `sum(avg_over_time(${gauge}${ofGroup(group)}[${gaugeWindow}]))`;
}

/**
 * GPU time of a group in per cent, added up over its replicas; a replica's is the mean over its cards.
 *
 * DCGM's exporter names the pod that a card is given to by `namespace` and `pod`. A Prometheus that keeps its own
 * labels of these names, as it does by default, puts `exported_` before them; one that honours the exporter's leaves
 * them. Both are asked for. Which pods are the group's is known from its own monitor, not from the spelling of names;
 * of a replica on several nodes that is the first, whose cards speak for those of the others.
 */
export function gpuUtilisationQuery(group: MeasuredGroup): string {
  const utilisation = "DCGM_FI_DEV_GPU_UTIL";
  const renamed = `avg_over_time(${utilisation}${labelMatchers({ exported_namespace: group.namespace })}[${rateWindow}])`;
  const honoured = `avg_over_time(${utilisation}${labelMatchers({ namespace: group.namespace, exported_namespace: "" })}[${rateWindow}])`;
  const cards = `label_replace(${renamed}, "pod", "$1", "exported_pod", "(.+)") or ${honoured}`;
  const replicas = ofGroup(group, { [metricLabels.node]: ["", "0"] });
  // One for each of these pods, whether its last scrape worked or not.
  const pods = `max by (pod) (up${replicas} >= bool 0)`;
  return `sum(avg by (pod) ((${cards}) * on (pod) group_left () ${pods}))`;
}

/**
 * Requests a minute that the proxy sent to a group, or tried to: the one signal that is there without any replica.
 *
 * A counter's first sample is no rate yet: after a restart of the proxy, the request that should bring the first
 * replica back would stay unseen. So where there is no rate, counters count that were not there a window ago. Where
 * nothing was ever counted the answer is 0 as long as a proxy is scraped, and none where none is.
 *
 * @param proxyNamespace where the proxy's pods are
 */
export function requestRateQuery(group: MeasuredGroup, proxyNamespace: string): string {
  const proxy = { namespace: proxyNamespace, [metricLabels.component]: "proxy" };
  const counters = modelsByVersions(group).map(
    ({ models, versions }) =>
      `inference_requests_total${labelMatchers({
        ...proxy,
        server: group.engine,
        model: models,
        version: versions,
        service_class: group.serviceClasses,
      })}`,
  );
  const either = (of: (counter: string) => string): string => counters.map(of).join(" or ");
  const rate = `60 * sum(${either((counter) => `rate(${counter}[${rateWindow}])`)}) > 0`;
  const appeared = `sum(${either((counter) => `(${counter} unless ${counter} offset ${rateWindow})`)}) / ${rateWindowMinutes}`;
  const nothing = `0 * sum(up${labelMatchers(proxy)})`;
  return `(${rate}) or (${appeared}) or (${nothing})`;
}

function ofGroup(
  { namespace, name }: MeasuredGroup,
  more: Readonly<Record<string, LabelValues>> = {},
): string {
  return labelMatchers({ namespace, [metricLabels.group]: name, ...more });
}

/**
 * Models that are served in the same versions are asked for together. Two lists crossed would also match a version of
 * a model that another group serves.
 */
function modelsByVersions({ models }: MeasuredGroup): readonly {
  readonly models: readonly string[];
  readonly versions: readonly string[];
}[] {
  const byVersions = Map.groupBy(models, (model) =>
    JSON.stringify(model.versions.map(({ version }) => version).toSorted()),
  );
  return [...byVersions]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([versions, alike]) => ({
      models: alike.flatMap(({ name, otherNames = [] }) => [name, ...otherNames]),
      versions: JSON.parse(versions) as readonly string[],
    }));
}
