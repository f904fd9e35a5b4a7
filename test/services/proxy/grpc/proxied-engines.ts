import type {
  RouteModel,
  RouteServer,
  RouteTarget,
  RoutingTable,
} from "../../../../platform/routes/routing-table.ts";
import type { ProxyOptions } from "../../../../services/proxy/proxy-options.ts";
import { startTestProxy, table } from "../testbed.ts";
import { startFakeEngine, type FakeEngine } from "./fake-engine.ts";
import { TestClient } from "./grpc-testbed.ts";
import { inferRequest } from "./messages.ts";

export const bert = inferRequest({ modelName: "bert", version: "1", raw: Buffer.from("tensor") });
export const anyVersion = inferRequest({ modelName: "bert", raw: Buffer.from("tensor") });
export const inferPath = "/inference.GRPCInferenceService/ModelInfer";
export const labels = `server="tabular",model="bert",version="1",service_class="Free"`;

export function targetOf(engines: readonly FakeEngine[], changes: Partial<RouteTarget> = {}): RouteTarget {
  return {
    group: "group",
    serviceClasses: ["Free"],
    endpoints: engines.map(({ url }) => url),
    grpcPort: engines[0]?.port ?? 1,
    timeoutMs: 10_000,
    ...changes,
  };
}

export function serverWith(target: RouteTarget, model: Partial<RouteModel> = {}): RouteServer {
  return {
    name: "tabular",
    type: "triton",
    protocol: "open-inference-v2",
    loading: "preload",
    models: [{ name: "bert", versions: [{ version: "1", weight: 100, targets: [target] }], ...model }],
  };
}

/** A whole proxy before engines that speak gRPC, with its audit lines. */
export async function proxied(
  servers: readonly RouteServer[],
  options: Partial<ProxyOptions> = {},
  rates: Pick<RoutingTable, "callerRate" | "keyRate"> = {},
) {
  const lines: Record<string, unknown>[] = [];
  const proxy = await startTestProxy(
    { ...table(...servers), ...rates },
    {
      grpcListen: { host: "127.0.0.1", port: 0 },
      audit: { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
      ...options,
    },
  );
  return { proxy, lines, client: new TestClient(proxy.grpcPort ?? 0) };
}

export async function oneEngine(
  model: Partial<RouteModel> = {},
  target: Partial<RouteTarget> = {},
  options: Partial<ProxyOptions> = {},
) {
  const engine = await startFakeEngine();
  return { engine, ...(await proxied([serverWith(targetOf([engine], target), model)], options)) };
}

/** An engine that answers when it is let. */
export function held(engine: FakeEngine): () => void {
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  engine.answer = async ({ request }) => {
    await gate;
    return request;
  };
  return letGo;
}
