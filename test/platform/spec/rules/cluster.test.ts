import { describe, expect, test } from "vitest";
import { clusterProblems } from "../../../../platform/spec/rules/cluster.ts";

const needed = (key: string, path: readonly string[], allowed: string) => ({
  code: "SPEC_KEY_MISSING",
  path,
  message: `${key} is missing`,
  allowed,
});
const dataset = [{ storage: { dataset: "models" } }];
const efs = needed("efs", ["cluster", "existing", "efs"], "required where an engine loads from a dataset");

describe("a platform in a cluster", () => {
  test.each(["dev", "test", "prod"])("needs the cluster and a proxy at stage %s", (stage) => {
    expect(clusterProblems({ metadata: { stage } })).toEqual([
      needed("cluster", ["cluster"], `required at stage ${stage}`),
      needed("proxy", ["proxy"], `required at stage ${stage}`),
    ]);
    expect(clusterProblems({ metadata: { stage }, cluster: {}, proxy: {} })).toEqual([]);
  });

  test("needs its file system where any engine loads from a dataset", () => {
    const spec = { metadata: { stage: "dev" }, proxy: {}, cluster: { existing: {} } };
    expect(clusterProblems({ ...spec, engines: [{ storage: "s3://models" }, ...dataset] })).toEqual([efs]);
    expect(clusterProblems({ ...spec, engines: [{ storage: "s3://models" }] })).toEqual([]);
    expect(
      clusterProblems({
        ...spec,
        cluster: { existing: { efs: { fileSystemId: "fs-1" } } },
        engines: dataset,
      }),
    ).toEqual([]);
  });

  test("is not asked for a file system while the cluster itself is missing", () => {
    expect(clusterProblems({ metadata: { stage: "dev" }, proxy: {}, engines: dataset })).toEqual([
      needed("cluster", ["cluster"], "required at stage dev"),
    ]);
  });
});

test("a platform on this machine, or of a stage that the schema refuses, needs no cluster", () => {
  for (const stage of ["local", "staging", undefined]) {
    expect(clusterProblems({ metadata: { stage }, engines: dataset })).toEqual([]);
  }
  expect(clusterProblems({})).toEqual([]);
});
