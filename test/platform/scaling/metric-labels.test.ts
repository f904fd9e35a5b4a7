import { expect, test } from "vitest";
import { adapterMetrics } from "../../../platform/scaling/adapter-metrics.ts";
import { discoveredLabel, metricLabels } from "../../../platform/scaling/metric-labels.ts";

test("Prometheus offers a pod's label with underscores for what its own names cannot have", () => {
  expect(discoveredLabel("app.kubernetes.io/instance")).toBe(
    "__meta_kubernetes_pod_label_app_kubernetes_io_instance",
  );
});

test.each([...Object.values(metricLabels), ...Object.values(adapterMetrics)])(
  "%s is a name that Prometheus and the API of metrics take",
  (name) => {
    expect(name).toMatch(/^inference_[a-z_]+$/);
  },
);
