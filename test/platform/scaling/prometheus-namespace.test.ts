import { expect, test } from "vitest";
import { prometheusNamespace } from "../../../platform/scaling/prometheus-namespace.ts";

test.each([
  ["http://prometheus-operated.monitoring.svc:9090", "monitoring"],
  ["http://prometheus.domino-platform.svc.cluster.local", "domino-platform"],
  ["https://prometheus.acme.example/api", undefined],
  ["http://prometheus:9090", undefined],
  ["http://10.0.0.7:9090", undefined],
])("the pods of %s are in %s", (address, namespace) => {
  expect(prometheusNamespace(address)).toBe(namespace);
});
