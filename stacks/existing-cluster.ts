import * as pulumi from "@pulumi/pulumi";
import { addonComponents } from "../components/addons/addon-components.ts";
import type { AddonModes } from "../components/addons/addon-mode.ts";
import { GpuNodeGroup } from "../components/cluster/gpu-node-group.ts";
import { InferenceNamespace } from "../components/cluster/inference-namespace.ts";
import type { Monitoring, PodPeer, StagingTarget } from "../components/engines/engine-args.ts";
import { engineIdentity } from "../components/engines/engine-labels.ts";
import { dynamoPlatformSettings } from "../components/engines/dynamo/platform-settings.ts";
import { EnginePriorities } from "../components/engines/engine-priorities.ts";
import { engineComponents } from "../components/engines/registry.ts";
import { partitionOf } from "../components/identity/partition.ts";
import { recommendedLabels, selectorLabels } from "../components/labels.ts";
import { InferenceProxy } from "../components/proxy/inference-proxy.ts";
import { proxyIdentity, proxyMetricsPort } from "../components/proxy/proxy-identity.ts";
import { MetricsMonitor } from "../components/engines/scaling/metrics-monitor.ts";
import { monitoringNamespace } from "../components/engines/group-operations.ts";
import type { ProxyTarget } from "../components/proxy/proxy-network.ts";
import { engineProfiles } from "../platform/engines/registry.ts";
import type { EnginePlan, PlatformPlan } from "../platform/plan/platform-plan.ts";
import type { ExistingClusterSpec, PlatformSpec } from "../platform/spec/schema.ts";
import { ModelSources } from "./model-sources.ts";
import { stackProviders, type StackAccess } from "./providers.ts";
import { stackOutputsContract, type StackOutputInputs } from "./stack-outputs.ts";
import { deployUserRoles } from "./user-roles.ts";

export interface ExistingClusterInputs {
  readonly spec: PlatformSpec;
  readonly plan: PlatformPlan;
  readonly access: StackAccess;
  /** Resource id of each dataset, by name. */
  readonly datasets: ReadonlyMap<string, string>;
  /** The add-ons in use. */
  readonly addons: AddonModes;
  readonly cluster: ExistingClusterSpec;
  readonly proxy: NonNullable<PlatformSpec["proxy"]>;
}

/** Puts the platform beside a Domino that already runs on an EKS cluster; the cluster itself is left alone. */
export function deployToExistingCluster(inputs: ExistingClusterInputs): StackOutputInputs {
  const { plan, spec, cluster } = inputs;
  const providers = { ...stackProviders(cluster, inputs.access) };
  const platformNamespace = platformNamespaceOf(plan);

  const namespaces = new Map(
    plan.namespaces.map(({ name, quota }) => [
      name,
      new InferenceNamespace(
        name,
        {
          platform: plan.platform,
          namespace: name,
          gpuCount: quota.gpus,
          ...(quota.slices ? { sliceCounts: quota.slices } : {}),
          podCount: quota.pods,
          cpuMillis: quota.cpuMillis,
          memoryMiB: quota.memoryMiB,
        },
        { providers },
      ),
    ]),
  );
  /** Nothing may live in a namespace before its default deny and its quota. */
  const inNamespace = (name: string, ...after: pulumi.Resource[]) => {
    const namespace = namespaces.get(name);
    return { providers, dependsOn: namespace ? [namespace, ...after] : after };
  };

  const pools = new Map(
    plan.nodePools.map((pool) => [
      pool.name,
      new GpuNodeGroup(
        pool.name,
        {
          clusterName: cluster.name,
          platform: plan.platform,
          pool: pool.name,
          accelerator: pool.accelerator,
          ...(pool.device ? { device: pool.device } : {}),
          instanceType: pool.instanceType,
          ...(pool.purchase ? { purchase: pool.purchase } : {}),
          gpusPerNode: pool.gpusPerNode,
          minNodes: pool.minNodes,
          desiredNodes: pool.desiredNodes,
          maxNodes: pool.maxNodes,
          nodeRoleArn: cluster.nodeRoleArn ?? defaultNodeRole(cluster),
          subnetIds: cluster.privateSubnets.map((subnet) => subnet.id),
          nodeSecurityGroupId: cluster.nodeSecurityGroup,
          kmsKeyArn: cluster.kmsKeyArn,
          ...(plan.budgetUsdPerHour === undefined ? {} : { budgetUsdPerHour: plan.budgetUsdPerHour }),
        },
        { providers },
      ),
    ]),
  );

  const priorities = new EnginePriorities(
    "engine-priorities",
    {
      platform: plan.platform,
      platformNamespace,
      groups: plan.groups,
      classPriorities: new Map(plan.servers.map((server) => [server.serviceClass, server.priority])),
    },
    { providers },
  );

  const proxyPeer: PodPeer = {
    namespace: platformNamespace,
    labels: selectorLabels(proxyIdentity(plan.platform)),
  };
  const dynamoSettings = dynamoPlatformSettings(plan, monitoringOf(spec));
  const addons = addonComponents(
    {
      platform: plan.platform,
      stage: plan.stage,
      modes: inputs.addons,
      ...(dynamoSettings ? { dynamo: dynamoSettings } : {}),
    },
    { providers },
  );

  const sources = new ModelSources({
    plan,
    cluster,
    datasets: inputs.datasets,
    providers,
    inNamespace: (namespace) => inNamespace(namespace),
  });

  const engines = plan.engines.map((engine) => {
    const groups = groupsOf(plan, engine);
    const nodes = [...new Set(groups.flatMap((group) => group.nodePools))].flatMap(
      (name) => pools.get(name) ?? [],
    );
    return new engineComponents[engine.type](
      engine.name,
      {
        platform: plan.platform,
        platformNamespace,
        engine,
        groups,
        servers: plan.servers,
        models: sources.of(engine),
        ...stagingOf(sources.staging(engine)),
        proxy: proxyPeer,
        monitoring: monitoringOf(spec),
      },
      // After the nodes: an engine's time to start does not count theirs, and it leaves before they do.
      // Custom resources come after what makes the cluster know their kinds.
      inNamespace(engine.namespace, priorities, ...nodes, ...addons.values()),
    );
  });

  const roleArns = {
    ...sources.roleArns,
    ...deployUserRoles({ plan, platformNamespace, domino: spec.domino, cluster, providers }),
  };

  const proxy = new InferenceProxy(
    "inference-proxy",
    {
      platform: plan.platform,
      namespace: platformNamespace,
      proxy: inputs.proxy,
      routes: plan.routes,
      targets: proxyTargets(plan, inputs.proxy.grpc),
    },
    // Routes, and the policy that opens them, change when what they lead to is there, and before what they led to goes.
    inNamespace(platformNamespace, ...engines),
  );

  if (spec.observability?.podMonitors) {
    const identity = proxyIdentity(plan.platform);
    new MetricsMonitor(
      "inference-proxy-monitor",
      {
        objectName: "inference-proxy",
        namespace: platformNamespace,
        labels: recommendedLabels(identity),
        monitorLabels: spec.observability.podMonitors.labels ?? {},
        podLabels: selectorLabels(identity),
        endpoint: { port: "metrics", portNumber: proxyMetricsPort, path: "/metrics" },
        ...monitoringNamespace(monitoringOf(spec)),
      },
      inNamespace(platformNamespace, ...addons.values()),
    );
  }

  return {
    contract: stackOutputsContract,
    platform: plan.platform,
    stage: spec.metadata.stage,
    namespaces: plan.namespaces.map(({ name }) => name),
    proxyUrl: proxy.url,
    caSecret: proxy.caSecret,
    usdPerHour: plan.totals.usdPerHour,
    groups: plan.groups.map(
      ({ name, engine, namespace, accelerator, gpusPerReplica, replicas, usdPerHour }) => ({
        name,
        engine,
        namespace,
        accelerator,
        gpusPerReplica,
        replicas,
        usdPerHour,
      }),
    ),
    nodeGroups: pulumi.all(Object.fromEntries([...pools].map(([name, pool]) => [name, pool.nodeGroupName]))),
    roleArns: pulumi.all(roleArns),
  };
}

/** The first namespace of a plan is the platform's own. */
function platformNamespaceOf(plan: PlatformPlan): string {
  const [own] = plan.namespaces;
  if (!own) {
    throw new pulumi.InputPropertyError({
      propertyPath: "plan.namespaces",
      reason: "the plan has no namespace",
    });
  }
  return own.name;
}

function stagingOf(staging: StagingTarget | undefined): { readonly staging?: StagingTarget } {
  return staging ? { staging } : {};
}

function monitoringOf({ observability }: PlatformSpec): Monitoring {
  return {
    ...(observability?.prometheus === undefined ? {} : { prometheus: observability.prometheus }),
    ...(observability?.podMonitors ? { podMonitorLabels: observability.podMonitors.labels ?? {} } : {}),
    ...(observability?.podMonitors?.namespace === undefined
      ? {}
      : { namespace: observability.podMonitors.namespace }),
  };
}

function groupsOf(plan: PlatformPlan, engine: EnginePlan) {
  return plan.groups.filter((group) => group.engine === engine.name);
}

/** One target a replica group: the proxy reaches the pods of the plan and no others. */
function proxyTargets(plan: PlatformPlan, grpc: boolean): ProxyTarget[] {
  return plan.engines.flatMap((engine) =>
    groupsOf(plan, engine)
      .filter(({ role }) => role !== "prefill")
      .map((group) => {
        const { ports, frontend } = engineProfiles[engine.type];
        const door = frontend?.(group);
        return {
          namespace: group.namespace,
          labels: door?.podLabels ?? selectorLabels(engineIdentity(engine, group)),
          ports: [door?.port ?? ports.http, ...(grpc && !door && ports.grpc ? [ports.grpc] : [])],
        };
      }),
  );
}

function defaultNodeRole(cluster: ExistingClusterSpec): string {
  return `arn:${partitionOf(cluster.kmsKeyArn)}:iam::${cluster.accountId}:role/${cluster.name}-eks-nodes`;
}
