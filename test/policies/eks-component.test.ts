import { beforeAll, expect, test } from "vitest";
import { noPublicEndpoint } from "../../policies/no-public-endpoint.ts";
import { resourcesOf, type RecordedResource } from "../components/support/resources-of.ts";
import { resource } from "./resource.ts";

let clusters: readonly RecordedResource[];

beforeAll(async () => {
  const { Cluster } = await import("@pulumi/eks");
  clusters = await resourcesOf(() => [
    new Cluster("silent", {}),
    new Cluster("open", { endpointPublicAccess: true }),
    new Cluster("private", { endpointPublicAccess: false, endpointPrivateAccess: true }),
  ]);
});

test.each([
  ["silent", 1],
  ["open", 1],
  ["private", 0],
])("a cluster of @pulumi/eks is judged by what it says of its endpoint: %s", (name, violations) => {
  const cluster = clusters.find((candidate) => candidate.name === name);
  expect(cluster?.type).toBe("eks:index:Cluster");
  expect(noPublicEndpoint.check(resource(cluster?.type ?? "", { ...cluster?.inputs }))).toHaveLength(
    violations,
  );
});
