import { expect, test } from "vitest";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { loadSpec } from "../../../platform/spec/load.ts";
import { recordingOfSpec } from "../../components/support/stack-recording.ts";

const ensemble = await loadSpec("examples/triton-ensemble.yaml");

test("an ensemble keeps all models of its engine on the same servers, which the optimizer sizes", () => {
  const { groups } = planPlatform(ensemble);
  expect(groups).toHaveLength(1);
  expect(groups[0]?.models.map(({ name }) => name).toSorted()).toEqual(
    ensemble.engines[0]?.models.map(({ name }) => name).toSorted(),
  );
  expect(groups[0]?.replicasFrom).toBe("optimizer");
});

test("an ensemble has no files, so that none are looked for in S3", async () => {
  const [engine] = ensemble.engines;
  if (!engine) throw new Error("the example has an engine");
  const { resources } = await recordingOfSpec({
    ...ensemble,
    engines: [{ ...engine, storage: { s3: "s3://acme-models/triton", access: "copy" } }],
  });
  const deployment = resources.find(
    ({ type, inputs }) => type.endsWith(":Deployment") && inputs.metadata.name === engine.name,
  );
  const copy = deployment?.inputs.spec.template.spec.initContainers.find(
    ({ name }: { name: string }) => name === "copy-models",
  );
  const folders = (copy.command as string[]).filter((word) => /^[^/\s]+\/\d+$/.test(word));
  const withFiles = engine.models.filter(
    ({ triton }) => !(triton && "ensemble" in triton && triton.ensemble),
  );
  expect(folders.map((folder) => folder.split("/")[0])).toEqual(withFiles.map(({ name }) => name));
  expect(withFiles.length).toBeLessThan(engine.models.length);
});
