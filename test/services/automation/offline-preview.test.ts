import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { previewOffline, type OfflinePreview } from "../../../services/automation/offline-preview.ts";

const stacks = join(import.meta.dirname, "../../../stacks");
const prod = join(stacks, "prod.yaml");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "offline-preview-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A shipped spec with one thing changed. */
async function changed(from: string | RegExp, to: string): Promise<string> {
  const text = await readFile(prod, "utf8");
  const result = text.replace(from, to);
  expect(result).not.toBe(text);
  const file = join(folder, `${crypto.randomUUID()}.yaml`);
  await writeFile(file, result);
  return file;
}

async function failureOf(specFile: string): Promise<PlatformError> {
  const error: unknown = await previewOffline({ specFile }).catch((thrown: unknown) => thrown);
  if (!PlatformError.is(error)) throw new Error("expected a platform error", { cause: error });
  return error;
}

describe("preview of the shipped prod spec", () => {
  let preview: OfflinePreview;
  beforeAll(async () => {
    preview = await previewOffline({ specFile: prod, settings: { kubeconfig: "s3cr3t-kubeconfig" } });
  });

  test("breaks no policy", () => {
    expect(preview.policies).toEqual(
      [
        "images-pinned",
        "no-public-endpoint",
        "least-privilege",
        "default-deny-per-namespace",
        "triton-never-polls",
        "engine-contract",
        "cost-within-budget",
      ].map((name) => ({ name, level: "mandatory", violations: [] })),
    );
  });

  test("has one tree: every parent is in the list, and only the stack has none", () => {
    const urns = new Set(preview.resources.map(({ urn }) => urn));
    expect(preview.resources.filter(({ parent }) => parent === null).map(({ type }) => type)).toEqual([
      "pulumi:pulumi:Stack",
    ]);
    expect(preview.resources.filter(({ parent }) => parent !== null && !urns.has(parent))).toEqual([]);
  });

  test("has a Deployment for every replica group of its plan, with the plan's replicas", () => {
    const deployed = preview.resources
      .filter(({ type }) => type === "kubernetes:apps/v1:Deployment")
      .map(({ inputs }) => inputs as { metadata: { name: string }; spec: { replicas: number } })
      .map(({ metadata, spec }) => [metadata.name, spec.replicas]);
    for (const group of preview.plan.groups) expect(deployed).toContainEqual([group.name, group.replicas]);
  });

  test("knows every input: nothing is left that neither the spec nor a placeholder gives", () => {
    expect(JSON.stringify(preview.resources)).not.toContain("<unknown>");
    expect(JSON.stringify(preview.resources)).not.toContain("undefined");
  });

  test("masks the kubeconfig", () => {
    const provider = preview.resources.find(({ type }) => type === "pulumi:providers:kubernetes");
    expect(provider?.inputs.kubeconfig).toBe("<secret>");
    expect(JSON.stringify(preview)).not.toContain("s3cr3t-kubeconfig");
  });

  test("has the outputs that a deployed stack tells", () => {
    expect(preview.outputs).toMatchObject({
      contract: "domino-inference/outputs/v1",
      platform: "acme-prod",
      stage: "prod",
      namespaces: ["domino-inference-prod"],
      usdPerHour: preview.plan.totals.usdPerHour,
    });
  });

  test("is the same, byte for byte, when it is made again", async () => {
    const again = await previewOffline({ specFile: prod, settings: { kubeconfig: "s3cr3t-kubeconfig" } });
    expect(JSON.stringify(again)).toBe(JSON.stringify(preview));
  });
});

test.each(["dev", "test"])("the shipped %s spec breaks no policy", async (stage) => {
  const { policies } = await previewOffline({ specFile: join(stacks, `${stage}.yaml`) });
  expect(policies.flatMap(({ violations }) => violations)).toEqual([]);
});

test("the stack's name can differ from the stage", async () => {
  const { resources } = await previewOffline({ specFile: prod, stack: "canary" });
  expect(resources.at(-1)?.urn).toMatch(/^urn:pulumi:canary::domino-inference::/);
});

test("refuses a name that no stack can have", async () => {
  const error: unknown = await previewOffline({ specFile: prod, stack: "my stack!" }).catch(
    (thrown: unknown) => thrown,
  );
  expect(PlatformError.is(error) && error.problems).toMatchObject([
    { code: "STACK_CONFIG_INVALID", path: "stack" },
  ]);
});

test("writes nothing and leaves no rejection unhandled, whether it succeeds or not", async () => {
  const rejected = vi.fn();
  const own = await mkdtemp(join(folder, "own-"));
  for (const name of ["HOME", "XDG_STATE_HOME", "PULUMI_HOME"]) vi.stubEnv(name, own);
  vi.spyOn(process, "cwd").mockReturnValue(own);
  process.on("unhandledRejection", rejected);
  try {
    await previewOffline({ specFile: prod });
    await failureOf(await changed(/\n\s+resourceId: .*/, ""));
    await failureOf(join(folder, "none.yaml"));
    await setImmediate();
  } finally {
    process.off("unhandledRejection", rejected);
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  }
  expect(rejected).not.toHaveBeenCalled();
  expect(await readdir(own)).toEqual([]);
});

test("reports a budget that the plan breaks as a violation, with both sums", async () => {
  const preview = await previewOffline({ specFile: await changed("budget: 250 USD/h", "budget: 1 USD/h") });
  const cost = preview.policies.find(({ name }) => name === "cost-within-budget");
  expect(cost?.violations).toHaveLength(1);
  expect(cost?.violations[0]?.message).toContain(
    `the nodes cost ${preview.plan.totals.usdPerHour.toFixed(2)} USD/h, the budget is 1.00 USD/h`,
  );
});

test("refuses a dataset whose folder only Domino could tell", async () => {
  const error = await failureOf(await changed(/\n\s+resourceId: .*/, ""));
  expect(error.code).toBe("STACK_DATASET_UNRESOLVED");
  expect(error.message).toContain('dataset "triton-prod-ds"');
});

test("refuses an SLO that no accelerator can hold", async () => {
  const error = await failureOf(await changed("ttftP95: 1s", "ttftP95: 1ms"));
  expect(error.code).toBe("PLAN_UNPLACEABLE");
  expect(error.message).toContain("chat/llama-3-70b/1/Premium");
});

test("refuses a platform that has no cluster", async () => {
  expect((await failureOf(join(stacks, "local.yaml"))).code).toBe("STACK_STAGE_UNSUPPORTED");
});

test("refuses a file that is not there", async () => {
  expect((await failureOf(join(folder, "none.yaml"))).code).toBe("SPEC_FILE_NOT_FOUND");
});

test("refuses a setting that no stack has, without its value", async () => {
  const error: unknown = await previewOffline({ specFile: prod, settings: { dominoApiKye: "s3cr3t" } }).catch(
    (thrown: unknown) => thrown,
  );
  expect(PlatformError.is(error) && error.code).toBe("STACK_CONFIG_INVALID");
  expect(String(error)).not.toContain("s3cr3t");
});
