import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { addonFacts } from "../../components/addons/addon-facts.ts";
import { ownedLabels } from "../../components/addons/addon-owner.ts";
import type { AddonName } from "../../platform/engines/addon-name.ts";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";
import { parseSpec } from "../../platform/spec/load.ts";
import type { PlatformSpec } from "../../platform/spec/schema.ts";
import { addonModes } from "../../stacks/addon-modes.ts";
import type { ClusterAccess } from "../../stacks/providers.ts";
import { clusterSpecText } from "../components/support/cluster-spec.ts";
import { ApiServer, kubeconfigOf, token } from "./api-server.ts";

/** Uses KEDA and the Prometheus operator. */
function spec(head = ""): PlatformSpec {
  const text = clusterSpecText
    .replace(
      "storage: { dataset: Fraud_Models, path: llm }\n",
      "storage: { dataset: Fraud_Models, path: llm }\n    autoscaling: { signal: request-rate, maxReplicas: 9 }\n",
    )
    .replace(
      "proxy:",
      `${head}observability: { prometheus: "http://prometheus-operated.monitoring.svc:9090", podMonitors: {} }\nproxy:`,
    );
  return parseSpec(text, "spec.yaml");
}

let api: ApiServer;

beforeEach(async () => {
  api = await ApiServer.start();
});
afterEach(async () => {
  await api.stop();
});

const own = () => ({ platform: spec().metadata.name, stage: spec().metadata.stage });
const definitionPath = (name: string) => `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
const deployments = "/apis/apps/v1/deployments";
const kubeconfig = (text = api.kubeconfig()): ClusterAccess => ({ kubeconfig: pulumi.secret(text) });
const modes = (access: ClusterAccess = kubeconfig(), of = spec(), timeoutMs = 10_000) =>
  addonModes(of, { offline: false, access, timeoutMs });

function define(name: AddonName): void {
  for (const definition of addonFacts[name].definitions) {
    api.answer(definitionPath(definition.name), {
      apiVersion: "meta.k8s.io/v1",
      kind: "PartialObjectMetadata",
      metadata: { name: definition.name },
    });
  }
}

function namespace(name: AddonName, labels: Readonly<Record<string, string>>): void {
  const { namespace: named } = addonFacts[name];
  api.answer(`/api/v1/namespaces/${named}`, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: named, labels },
  });
}

/** One page of Deployments for each list of images. */
function running(...pages: readonly (readonly string[])[]): void {
  api.answers.set(deployments, (query) => {
    const index = Number(query.get("continue") ?? 0);
    const items = (pages[index] ?? []).map((image) => ({
      metadata: { name: "one", namespace: "anywhere" },
      spec: {
        selector: {},
        template: { spec: { containers: [{ name: "sidecar" }, { name: "main", image }] } },
      },
    }));
    const metadata = index + 1 < pages.length ? { continue: String(index + 1) } : {};
    const list = { apiVersion: "apps/v1", kind: "DeploymentList", metadata, items };
    return { status: 200, body: JSON.stringify(list) };
  });
}

async function problemsOf(asked: Promise<unknown>): Promise<readonly Problem[]> {
  const error: unknown = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!PlatformError.is(error)) throw new Error("nothing was refused", { cause: error });
  expect(String(error)).not.toContain(token);
  for (const { code } of error.problems) expect(code).toBe("STACK_ADDON_UNRESOLVED");
  return error.problems;
}

describe("nobody is asked", () => {
  test("for what the spec states", async () => {
    const stated = spec("addons: { keda: present, prometheusOperator: install }\n");
    expect(await modes(kubeconfig(), stated)).toEqual({ keda: "present", prometheusOperator: "install" });
    expect(api.asked).toEqual([]);
  });

  test("for what nothing uses", async () => {
    expect(await modes(kubeconfig(), parseSpec(clusterSpecText, "spec.yaml"))).toEqual({});
    expect(api.asked).toEqual([]);
  });

  test("offline, where the rest is installed", async () => {
    const lookup = { offline: true, access: kubeconfig() };
    expect(await addonModes(spec("addons: { keda: present }\n"), lookup)).toEqual({
      keda: "present",
      prometheusOperator: "install",
    });
    expect(api.asked).toEqual([]);
  });
});

describe("an add-on that is not stated", () => {
  test("is installed where the cluster has none, without a look at its Deployments", async () => {
    expect(await modes()).toEqual({ keda: "install", prometheusOperator: "install" });
    expect(api.asked).not.toContain(deployments);
  });

  test("goes on being installed where this stack did it, though its operator runs", async () => {
    define("keda");
    namespace("keda", ownedLabels("keda", own()));
    running(["ghcr.io/kedacore/keda:2.20.2"]);
    expect(await modes()).toEqual({ keda: "install", prometheusOperator: "install" });
  });

  test("is present where somebody else's operator runs, on whichever page", async () => {
    define("keda");
    define("prometheusOperator");
    namespace("prometheusOperator", { team: "observability" });
    running(
      ["nginx:1"],
      ["mirror:5000/ghcr-io-kedacore-keda@sha256:00"],
      ["quay.io/x/prometheus-operator:v1"],
    );
    expect(await modes()).toEqual({ keda: "present", prometheusOperator: "present" });
    const lists = api.asked.filter((path) => path.startsWith(deployments));
    expect(lists).toHaveLength(3);
    for (const list of lists) expect(list).toContain("limit=");
  });

  test("is stated beside others that are asked for", async () => {
    const stated = spec("addons: { prometheusOperator: present }\n");
    expect(await modes(kubeconfig(), stated)).toEqual({ keda: "install", prometheusOperator: "present" });
    expect(api.asked.join()).not.toContain("monitoring");
  });

  test("is refused where only its definitions are there, with both ways out", async () => {
    define("keda");
    running(["ghcr.io/kedacore/keda-metrics-apiserver:2", "registry/keda-tools:1"]);
    expect(await problemsOf(modes())).toEqual([
      {
        code: "STACK_ADDON_UNRESOLVED",
        path: "addons.keda",
        message:
          'autoscaling of engine "chat" needs KEDA: the cluster has the definition of scaledobjects.keda.sh, and no Deployment with an operator that is known for it',
        allowed: "install, or present where the cluster has it already",
        remedy:
          "Say addons.keda: install where a former installation left its definitions behind, or present where something else acts on them.",
      },
    ]);
  });

  test("is refused where its namespace is another's: an update would fail on it half-way", async () => {
    namespace("prometheusOperator", { team: "observability" });
    const [problem, ...others] = await problemsOf(modes());
    expect(others).toEqual([]);
    expect(problem?.path).toBe("addons.prometheusOperator");
    expect(problem?.message).toContain(
      'namespace "monitoring", into which it would be installed, is another\'s',
    );
  });

  test.each([
    ["another platform", { platform: "other" }],
    ["the same platform in another stage", { stage: "prod" }],
  ])("is refused where %s installed it: a renamed one would remove its own", async (_, difference) => {
    const other = { ...own(), ...difference };
    define("keda");
    namespace("keda", ownedLabels("keda", other));
    running(["ghcr.io/kedacore/keda:2.20.2"]);
    const [problem] = await problemsOf(modes());
    expect(problem?.message).toContain(
      `platform "${other.platform}" of stage ${other.stage} has installed it in namespace "keda"`,
    );
    expect(problem?.remedy).toContain("addons.keda: present");
  });
});

describe("a cluster that does not answer", () => {
  const paths = (problems: readonly Problem[]) => problems.map(({ path }) => path);
  const both = ["addons.keda", "addons.prometheusOperator"];

  test.each([
    [401, "the API server does not accept the caller's credentials (status 401)"],
    [403, "the caller may not read namespace keda (status 403)"],
    [500, "the API server answered the question for namespace keda with status 500"],
  ])("with anything but status %i is quoted without its words", async (status, text) => {
    api.refuse("/api/v1/namespaces/keda", status);
    const problems = await problemsOf(modes());
    expect(problems).toMatchObject([
      { path: "addons.keda", message: `autoscaling of engine "chat" needs KEDA: ${text}` },
    ]);
    expect(problems[0]?.remedy).toBeUndefined();
  });

  test("about Deployments leaves those open that they decide", async () => {
    define("keda");
    api.refuse(deployments, 403);
    const problems = await problemsOf(modes());
    expect(paths(problems)).toEqual(["addons.keda"]);
    expect(problems[0]?.message).toContain(
      "the caller may not read Deployments of all namespaces (status 403)",
    );
  });

  test.each([
    ["no JSON", "<html>"],
    ["other JSON", "[]"],
    ["nothing in it", "{}"],
  ])("in a form that it has: %s", async (_, body) => {
    api.answers.set("/api/v1/namespaces/keda", () => ({ status: 200, body }));
    const [problem] = await problemsOf(modes());
    expect(problem?.message).toContain("answer to the question for namespace keda has an unknown form");
  });

  test("with Deployments in a form that it has", async () => {
    define("keda");
    api.answer(deployments, { items: null });
    const [problem] = await problemsOf(modes());
    expect(problem?.message).toContain("the question for Deployments of all namespaces has an unknown form");
  });

  test("in time is not waited for, and all that is open is named", async () => {
    api.answers.set("/api/v1/namespaces/keda", () => "silence");
    api.answers.set("/api/v1/namespaces/monitoring", () => "silence");
    const problems = await problemsOf(modes(kubeconfig(), spec(), 300));
    expect(paths(problems)).toEqual(both);
    for (const { message } of problems) {
      expect(message).toContain("the cluster did not answer within 300 ms");
    }
    await vi.waitFor(() => expect(api.givenUp).toBe(2));
  });

  test("at all is told from one that refuses", async () => {
    const gone = await ApiServer.start();
    const text = gone.kubeconfig();
    await gone.stop();
    const problems = await problemsOf(modes(kubeconfig(text)));
    expect(paths(problems)).toEqual(both);
    expect(problems[0]?.message).toContain("the API server cannot be reached (ECONNREFUSED)");
  });
});

describe("the way into the cluster", () => {
  const reason = async (access: ClusterAccess) => {
    const problems = await problemsOf(modes(access));
    expect(problems).toHaveLength(2);
    expect(api.asked).toEqual([]);
    return problems[0]?.message.split("needs KEDA: ")[1];
  };

  test("may be a context of the machine's kubeconfig", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
    try {
      writeFileSync(join(folder, "config"), api.kubeconfig());
      vi.stubEnv("KUBECONFIG", join(folder, "config"));
      expect(await modes({ context: "test" })).toEqual({ keda: "install", prometheusOperator: "install" });
      api.asked.length = 0;
      expect(await reason({ context: "prod" })).toBe('this machine\'s kubeconfig has no context "prod"');
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });

  test("may be a command that gives a token, as EKS has it", async () => {
    const status = { token };
    const credential = { apiVersion: "client.authentication.k8s.io/v1beta1", kind: "ExecCredential", status };
    const args = ["-e", `console.log(${JSON.stringify(JSON.stringify(credential))})`];
    const exec = { apiVersion: credential.apiVersion, command: process.execPath, args };
    expect(await modes(kubeconfig(api.kubeconfig({ exec })))).toEqual({
      keda: "install",
      prometheusOperator: "install",
    });
  });

  test.each([
    ["is not there", { command: "/nowhere/aws", args: [] }],
    ["fails", { command: process.execPath, args: ["-e", `console.error("${token}"); process.exit(255)`] }],
    ["says something else", { command: process.execPath, args: ["-e", `console.log("${token}")`] }],
  ])("is refused where its command %s", async (_, command) => {
    const exec = { apiVersion: "client.authentication.k8s.io/v1beta1", ...command };
    expect(await reason(kubeconfig(api.kubeconfig({ exec })))).toBe(
      "the kubeconfig gives no credentials: the command it names for them failed",
    );
  });

  test.each([
    ["no YAML", `${token}: [`, "the kubeconfig cannot be read"],
    ["no kubeconfig", token, "nothing says at which address the cluster is"],
    ["without an address", kubeconfigOf({}, { token }), "the kubeconfig cannot be read"],
  ])("is refused where it is %s, without a word of it", async (_, text, said) => {
    expect(await reason(kubeconfig(text))).toBe(said);
  });

  test.each([
    [
      "AWS did not say it",
      () => Promise.reject(new Error(token)),
      "how the cluster is reached was not answered by AWS",
    ],
    [
      "a preview cannot know it",
      () => Promise.resolve(undefined),
      "how the cluster is reached is not known in a preview",
    ],
  ])("is refused where %s", async (_, promise, said) => {
    // The SDK's own failed Outputs end the process besides.
    expect(await reason({ kubeconfig: { promise } as unknown as pulumi.Output<string> })).toBe(said);
  });
});
