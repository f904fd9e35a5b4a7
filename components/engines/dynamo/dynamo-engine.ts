import * as pulumi from "@pulumi/pulumi";
import { dynamoEngineOptions } from "../../../platform/engines/dynamo/engine-options.ts";
import { graphName } from "../../../platform/engines/dynamo/graph-name.ts";
import { modelExpressPod } from "../../../platform/engines/dynamo/graph-resources.ts";
import { modelExpressName } from "../../../platform/engines/dynamo/model-express.ts";
import { childOptions } from "../../child-options.ts";
import type { EngineArgs } from "../engine-args.ts";
import { DynamoGraph } from "./dynamo-graph.ts";
import { ModelExpressServer } from "./model-express-server.ts";

/** NVIDIA Dynamo: a graph for every version of a model, with frontends before its workers. */
export class DynamoEngine extends pulumi.ComponentResource {
  constructor(name: string, args: EngineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:DynamoEngine", name, {}, opts);
    const { engine, groups, models } = args;
    const child = childOptions(this, opts);
    const { modelExpress } = dynamoEngineOptions(engine);
    const resources = modelExpressPod(engine);
    const server =
      modelExpress && "install" in modelExpress && resources
        ? new ModelExpressServer(
            modelExpressName(engine),
            { engine, settings: modelExpress.install, resources, models },
            child,
          )
        : undefined;
    // Workers ask it for their weights as they start.
    const graphOptions = server
      ? { ...child, dependsOn: [...[child.dependsOn ?? []].flat(), server] as pulumi.Resource[] }
      : child;
    for (const [graph, [first, ...others]] of Map.groupBy(groups, graphName)) {
      // A name of the spec is unique in its engine only.
      const own = graph.startsWith(`${engine.name}-`) ? graph : `${engine.name}-${graph}`;
      if (first) new DynamoGraph(own, { ...args, groups: [first, ...others] }, graphOptions);
    }
    this.registerOutputs({});
  }
}
