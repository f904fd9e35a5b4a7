import { z } from "zod";
import type { RouteServer } from "../../platform/routes/routing-table.ts";
import { reportDuplicates, routeEndpoint, routeName } from "./route-fields.ts";
import type { LoadedRoutingTable } from "./routing/routing-index.ts";

/**
 * Deadline of a request in ms; the reference design has none. Tensors are answered in seconds, and a model that takes
 * longer to load on demand goes on loading for the requests that come later.
 */
const timeoutMs = 60_000;

/** The reference design has no service classes; metrics need a name for the one that everything is in. */
const serviceClass = "default";

const referenceServer = z.strictObject({
  service: routeName,
  inference_server_type: routeName,
  endpoint: routeEndpoint,
});

/**
 * `triton-inference-servers.json` of the reference design: a list of `{service, inference_server_type, endpoint}`, one
 * for each Triton. It names no models, so every model that is asked for goes to the server that is asked for.
 */
export const referenceRoutes = z
  .array(referenceServer)
  .superRefine((servers, context) => {
    reportDuplicates(
      context,
      [],
      servers.map(({ service }) => service),
    );
  })
  .transform((servers): LoadedRoutingTable => ({
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    servers: servers.map(routeServer),
  }));

function routeServer({
  service,
  inference_server_type: type,
  endpoint,
}: z.infer<typeof referenceServer>): RouteServer {
  return {
    name: service,
    type,
    protocol: "open-inference-v2",
    // By its types, `OnDemandTritonInferenceServerProxy` and `PreloadedTritonInferenceServerProxy`.
    loading: type.startsWith("OnDemand") ? "on-demand" : "preload",
    models: [],
    anyModel: { group: service, serviceClasses: [serviceClass], endpoints: [endpoint], timeoutMs },
  };
}
