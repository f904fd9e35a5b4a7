import { expect, test } from "vitest";
import { serviceNamespace } from "../../../platform/routes/cluster-address.ts";

test.each([
  ["http://collector.observability.svc:4318", "observability"],
  ["http://chat.llm.svc.cluster.local:8000", "llm"],
  ["https://login.example.com/keys", undefined],
  ["http://collector.observability.svc.example.com", undefined],
  ["http://collector", undefined],
  ["http://10.0.0.7:4318", undefined],
])("the Service of %s is in %s", (address, namespace) => {
  expect(serviceNamespace(new URL(address))).toBe(namespace);
});
