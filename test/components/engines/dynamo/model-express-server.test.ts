import { beforeAll, describe, expect, test } from "vitest";
import { Reachability } from "../../support/reachability.ts";
import { createdAfter, only, type RecordedResource } from "../../support/resources-of.ts";
import { recordingOfSpec } from "../../support/stack-recording.ts";
import { dynamoSpec } from "./dynamo-spec.ts";

const group = "chat-llama-3-70b-free";
let resources: readonly RecordedResource[];
beforeAll(async () => {
  ({ resources } = await recordingOfSpec(
    dynamoSpec({
      engine: [
        "dynamo: { modelExpress: { install: { redis: 'redis://redis.data.svc:6380', cache: 200Gi } } }",
      ],
    }),
  ));
});

const deployment = () => only(resources, ":Deployment", "chat-model-express-deployment").inputs;
const container = () => deployment().spec.template.spec.containers[0];

describe("an engine's own Model Express", () => {
  test("has a place for its records, without which it would end at once", () => {
    expect(container().env).toContainEqual({ name: "MX_METADATA_BACKEND", value: "redis" });
    expect(container().env).toContainEqual({ name: "REDIS_URL", value: "redis://redis.data.svc:6380" });
  });

  test("answers on the port that workers ask, and is measured on another", () => {
    const worker = only(resources, ":DynamoGraphDeployment", `${group}-graph`).inputs.spec.components[1];
    expect(worker.podTemplate.spec.containers[0].env).toContainEqual({
      name: "MODEL_EXPRESS_URL",
      value: "http://chat-model-express.chat.svc:8001",
    });
    const service = only(resources, ":Service", "chat-model-express-service").inputs;
    expect(service.metadata.name).toBe("chat-model-express");
    expect(service.spec.ports).toEqual([{ name: "grpc", port: 8001, targetPort: "grpc" }]);
    expect(container().ports).toEqual([
      { name: "grpc", containerPort: 8001 },
      { name: "metrics", containerPort: 9401 },
    ]);
  });

  test("is there before the workers, and is one: two would each fetch every model", () => {
    const graph = only(resources, ":DynamoGraphDeployment", `${group}-graph`);
    expect(createdAfter(resources, graph)).toContain(
      only(resources, ":Deployment", "chat-model-express-deployment").urn,
    );
    expect(deployment().spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
  });

  test("is reached by workers and by nobody else", () => {
    const reach = new Reachability(resources);
    const server = { namespace: "chat", labels: deployment().spec.template.metadata.labels };
    const worker = {
      namespace: "chat",
      labels: only(resources, ":DynamoGraphDeployment", `${group}-graph`).inputs.spec.components[1]
        .podTemplate.metadata.labels,
    };
    expect(reach.may(worker, server, 8001)).toBe(true);
    expect(reach.may({ namespace: "chat", labels: { app: "other" } }, server, 8001)).toBe(false);
    expect(reach.may(server, { namespace: "data", labels: { app: "redis" } }, 6380)).toBe(true);
  });

  test("has as much disk as the spec says, and is confined as Pod Security restricted demands", () => {
    expect(deployment().spec.template.spec.volumes).toContainEqual({
      name: "cache",
      emptyDir: { sizeLimit: "200Gi" },
    });
    expect(container().securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
    });
  });
});
