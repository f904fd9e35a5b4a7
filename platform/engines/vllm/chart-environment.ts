import type { ReservedEnvironment } from "../extra-environment.ts";

const byChart = "is set by the chart, and a container cannot have a variable twice";

/** Variables that the chart of the helm pattern sets in its containers, whatever its values are. */
export const chartEnvironment: ReservedEnvironment = {
  PYTHONHASHSEED: byChart,
  HF_HOME: byChart,
  POD_IP: byChart,
  PROMETHEUS_MULTIPROC_DIR: byChart,
};
