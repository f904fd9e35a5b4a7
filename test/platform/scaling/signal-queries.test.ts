import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  gpuUtilisationQuery,
  queueQuery,
  requestRateQuery,
} from "../../../platform/scaling/signal-queries.ts";
import { chatGroup, groupModel } from "./measured-group.ts";

describe("the query of a queue", () => {
  test("adds up what waits in the pods of the group alone", () => {
    expect(queueQuery("vllm:num_requests_waiting", chatGroup)).toBe(
      'sum(avg_over_time(vllm:num_requests_waiting{namespace="llm",inference_group="chat-llama-free"}[1m]))',
    );
  });
});

describe("the query of GPU utilisation", () => {
  test("finds cards by the exporter's labels, renamed by Prometheus or not", () => {
    const query = gpuUtilisationQuery(chatGroup);
    expect(query).toContain('DCGM_FI_DEV_GPU_UTIL{exported_namespace="llm"}');
    expect(query).toContain('DCGM_FI_DEV_GPU_UTIL{namespace="llm",exported_namespace=""}');
  });
});

describe("the query of GPU utilisation, of replicas on several nodes,", () => {
  test("asks for the first node of each", () => {
    expect(gpuUtilisationQuery(chatGroup)).toContain(
      'up{namespace="llm",inference_group="chat-llama-free",inference_node=~"|0"}',
    );
  });
});

describe("the query of the request rate", () => {
  test("asks the proxy's counter for the group's server, models, versions and classes", () => {
    const query = requestRateQuery(chatGroup, "platform");
    expect(query).toContain(
      'rate(inference_requests_total{namespace="platform",inference_component="proxy",server="chat",model="llama-3-70b",version="1",service_class="Free"}[2m])',
    );
    expect(query).not.toContain("inference_group");
  });

  test("keeps a model's versions apart from another model's", () => {
    const query = requestRateQuery(
      { ...chatGroup, models: [groupModel("a", "1"), groupModel("b", "1", "2"), groupModel("c", "1")] },
      "platform",
    );
    expect(query).toContain('model=~"a|c",version="1"');
    expect(query).toContain('model="b",version=~"1|2"');
  });

  test("is the same in whatever order models and classes come", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,6}$/);
    const models = fc.uniqueArray(fc.record({ name, versions: fc.uniqueArray(name, { minLength: 1 }) }), {
      selector: (model) => model.name,
      minLength: 1,
    });
    fc.assert(
      fc.property(models, fc.uniqueArray(name, { minLength: 1 }), (served, serviceClasses) => {
        const group = {
          ...chatGroup,
          models: served.map((model) => groupModel(model.name, ...model.versions)),
          serviceClasses,
        };
        const shuffled = {
          ...group,
          models: served.toReversed().map((model) => groupModel(model.name, ...model.versions.toReversed())),
          serviceClasses: serviceClasses.toReversed(),
        };
        expect(requestRateQuery(shuffled, "p")).toBe(requestRateQuery(group, "p"));
      }),
    );
  });
});
