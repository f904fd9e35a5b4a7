import type { InputTensor } from "../../../services/emulator/open-inference/expected-logits.ts";
import { startEmulatedGroup, type RunningGroup } from "../../../services/emulator/emulator.ts";
import { requestModel, tabularGroup } from "../../services/emulator/groups.ts";
import { routesTo } from "./proxied.ts";
import type { RepositoryModel } from "./triton-repository.ts";

/** The models that every Open Inference server under test serves, the newest version last. */
export const tabularVersions = { "bert-base": ["3", "10"], "resnet-50": ["1"] } as const;

const maxBatchSize = 8;

export const tabularModels: readonly RepositoryModel[] = Object.entries(tabularVersions).map(
  ([name, versions]) => ({ name, versions, maxBatchSize }),
);

/** A batch of two rows. */
export const inputIds: InputTensor = {
  name: "input_ids",
  datatype: "INT64",
  shape: [2, 3],
  data: [1, 2, 3, 4, 5, 6],
};

/** The emulator with the same models. */
export function startTabularEmulator(
  loading: "preload" | "on-demand",
  loadSeconds = 0.01,
): Promise<RunningGroup> {
  const models = Object.entries(tabularVersions).map(([name, versions]) => requestModel(name, ...versions));
  return startEmulatedGroup({
    // It reads 1 GiB/s, and the group's weights are shared evenly by its models.
    group: tabularGroup({ models, maxBatchSize, weightsGiB: loadSeconds * models.length }),
    loading,
    protocol: "open-inference-v2",
  });
}

/** Routes of the proxy to such a server. */
export function tabularRoutes(
  endpoints: readonly string[],
  loading: "preload" | "on-demand" = "preload",
): ReturnType<typeof routesTo> {
  return routesTo({
    name: "tabular",
    type: "triton",
    protocol: "open-inference-v2",
    loading,
    models: tabularVersions,
    endpoints,
  });
}
