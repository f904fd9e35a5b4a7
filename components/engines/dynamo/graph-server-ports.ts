import { dynamoEngineOptions } from "../../../platform/engines/dynamo/engine-options.ts";
import { modelExpressUrl } from "../../../platform/engines/dynamo/model-express.ts";
import type { DynamoModelOptions } from "../../../platform/engines/dynamo/model-options.ts";
import type { EnginePlan } from "../../../platform/plan/platform-plan.ts";
import type { Monitoring } from "../engine-args.ts";

const natsPort = 4_222;

/** Ports of the servers in the cluster that a graph speaks with: NATS, Model Express, and Prometheus for a planner. */
export function graphServerPorts(
  engine: EnginePlan,
  { planner }: Pick<DynamoModelOptions, "planner">,
  { prometheus }: Monitoring,
): readonly number[] {
  const { eventPlane } = dynamoEngineOptions(engine);
  const addresses = [modelExpressUrl(engine), planner ? prometheus : undefined];
  const ports = [
    ...(eventPlane === "nats" ? [natsPort] : []),
    ...addresses.flatMap((address) => (address === undefined ? [] : [portOf(address)])),
  ];
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

function portOf(address: string): number {
  const { port, protocol } = new URL(address);
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}
