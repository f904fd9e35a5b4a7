import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/index.js";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/index.js";
import {
  configText,
  engineConfigFile,
  writtenConfigKey,
  writtenConfigName,
} from "../../../platform/engines/dynamo/engine-config.ts";
import { dynamoEngineOptions } from "../../../platform/engines/dynamo/engine-options.ts";
import { graphDeployment } from "../../../platform/engines/dynamo/graph-deployment.ts";
import { graphFrontend } from "../../../platform/engines/dynamo/graph-frontend.ts";
import { frontendServiceName, graphName } from "../../../platform/engines/dynamo/graph-name.ts";
import { graphProblems } from "../../../platform/engines/dynamo/graph-problems.ts";
import { dynamoModelOptions } from "../../../platform/engines/dynamo/model-options.ts";
import { dynamoProfile } from "../../../platform/engines/dynamo/profile.ts";
import { frontendImage } from "../../../platform/engines/dynamo/release.ts";
import { graphModel, workerSettings } from "../../../platform/engines/dynamo/worker-settings.ts";
import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { childOptions } from "../../child-options.ts";
import { recommendedLabels, selectorLabels } from "../../labels.ts";
import type { EngineArgs } from "../engine-args.ts";
import { infernoDeploymentLabels } from "../engine-labels.ts";
import { engineTimeouts } from "../engine-timeouts.ts";
import { GraphAccess } from "./graph-access.ts";
import { frontendIdentity, graphIdentity, graphPodLabels, workerIdentity } from "./graph-labels.ts";
import { GraphNetwork } from "./graph-network.ts";
import { operateGraph } from "./graph-operations.ts";
import { frontendAccount, frontendPodBase, plannerPodBase, workerPodBase } from "./graph-pods.ts";
import { graphServerPorts } from "./graph-server-ports.ts";

export interface DynamoGraphArgs extends EngineArgs {
  /** The groups of one model: one, or one of each role. */
  readonly groups: readonly [ReplicaGroupPlan, ...ReplicaGroupPlan[]];
}

/** One model's graph: what the operator makes frontends, workers and a planner of, and what surrounds them. */
export class DynamoGraph extends pulumi.ComponentResource {
  constructor(name: string, args: DynamoGraphArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:DynamoGraph", name, {}, opts);
    const { engine, groups, models, monitoring } = args;
    const [first] = groups;
    const child = childOptions(this, opts);
    const { namespace } = engine;
    const graph = graphName(first);
    const options = dynamoModelOptions(graphModel(first));
    const image = frontendImage(dynamoEngineOptions(engine));
    const labels = recommendedLabels(graphIdentity(first, image));

    const network = new GraphNetwork(
      `${name}-network`,
      {
        graph,
        namespace,
        labels,
        podLabels: graphPodLabels(first),
        frontend: graphFrontend(first),
        proxy: args.proxy,
        models,
        serverPorts: graphServerPorts(engine, options, monitoring),
      },
      child,
    );
    if (!options.deployment.create) {
      this.registerOutputs({});
      return;
    }

    const access = new GraphAccess(
      `${name}-access`,
      { graph, namespace, labels, groups, frontendAccount: frontendAccount(first), models },
      child,
    );
    const configs = groups.flatMap((group) =>
      this.#config(`${name}-${group.role ?? "workers"}-config`, args, group, child),
    );

    const deployment = graphDeployment({
      engine,
      groups,
      labels: { ...labels, ...graphLoadLabels(args) },
      pods: {
        frontend: frontendPodBase(args, first),
        worker: (group) => workerPodBase(args, group, configDigest(args, group)),
        planner: plannerPodBase(args, first),
      },
    });
    const problems = graphProblems(deployment);
    if (problems.length > 0) {
      throw new pulumi.InputPropertyError({
        propertyPath: "groups",
        reason: `the operator would not serve the graph "${graph}": ${problems.join("; ")}`,
      });
    }
    const { apiVersion, kind, metadata, spec } = deployment;
    const resource = new CustomResource(
      `${name}-graph`,
      {
        apiVersion,
        kind,
        metadata: {
          ...metadata,
          annotations: {
            ...metadata.annotations,
            "pulumi.com/waitFor": "condition=Ready",
            // What the platform measures it measures by monitors of its own, under labels that its queries know.
            ...(monitoring.podMonitorLabels ? { "nvidia.com/enable-metrics": "false" } : {}),
          },
        },
        spec,
      },
      { ...child, dependsOn: [network, access, ...configs], customTimeouts: graphTimeouts(groups) },
    );

    const budget = (of: string, objectName: string, podLabels: Record<string, string>) =>
      new PodDisruptionBudget(
        `${name}-${of}-budget`,
        {
          metadata: { name: objectName, namespace, labels },
          // Of one replica too: a budget that forbids every eviction would keep nodes from being upgraded.
          spec: {
            maxUnavailable: 1,
            unhealthyPodEvictionPolicy: "AlwaysAllow",
            selector: { matchLabels: podLabels },
          },
        },
        child,
      );
    budget("frontend", frontendServiceName(graph), selectorLabels(frontendIdentity(first, image)));
    for (const group of groups) {
      budget(group.role ?? "workers", group.name, selectorLabels(workerIdentity(engine, group)));
    }

    // What changes the graph's size finds it there.
    operateGraph(name, args, { ...child, dependsOn: [resource] });

    this.registerOutputs({});
  }

  #config(
    name: string,
    { engine }: DynamoGraphArgs,
    group: ReplicaGroupPlan,
    child: pulumi.CustomResourceOptions,
  ): ConfigMap[] {
    const content = writtenConfig({ engine }, group);
    if (content === undefined) return [];
    return [
      new ConfigMap(
        name,
        {
          metadata: {
            name: writtenConfigName(group),
            namespace: group.namespace,
            labels: recommendedLabels(workerIdentity(engine, group)),
          },
          data: { [writtenConfigKey]: content },
        },
        child,
      ),
    ];
  }
}

/** Text of a configuration that comes from the plan; undefined where it comes from elsewhere, or there is none. */
function writtenConfig(
  { engine }: Pick<DynamoGraphArgs, "engine">,
  group: ReplicaGroupPlan,
): string | undefined {
  const options = dynamoModelOptions(graphModel(group));
  const file = engineConfigFile(options, workerSettings(engine, group));
  return file?.kind === "written" ? configText(file.content) : undefined;
}

function configDigest(args: DynamoGraphArgs, group: ReplicaGroupPlan): string | undefined {
  const content = writtenConfig(args, group);
  return content === undefined ? undefined : createHash("sha256").update(content).digest("hex").slice(0, 16);
}

/** Inferno's labels of the pool that answers; they name one accelerator. */
function graphLoadLabels({ groups, servers }: DynamoGraphArgs): Record<string, string> {
  const answering = groups.find(({ role }) => role !== "prefill") ?? groups[0];
  return infernoDeploymentLabels(answering, servers);
}

/** The slowest group's: all of them come up at once, and are replaced at once. */
function graphTimeouts(groups: readonly ReplicaGroupPlan[]): pulumi.CustomTimeouts {
  const timeouts = groups.map((group) => engineTimeouts(dynamoProfile, group));
  const slowest = (of: (one: (typeof timeouts)[number]) => string) =>
    timeouts.map(of).reduce((a, b) => (Number.parseInt(a, 10) >= Number.parseInt(b, 10) ? a : b));
  return {
    create: slowest(({ create }) => create),
    update: slowest(({ update }) => update),
    delete: slowest((one) => one.delete),
  };
}
