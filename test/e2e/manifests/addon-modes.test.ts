import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addonComponents } from "../../../components/addons/addon-components.ts";
import type { AddonModes } from "../../../components/addons/addon-mode.ts";
import { PlatformError, type Problem } from "../../../platform/errors/platform-error.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { parseSpec } from "../../../platform/spec/load.ts";
import { addonModes } from "../../../stacks/addon-modes.ts";
import { clusterSpecText } from "../../components/support/cluster-spec.ts";
import { platformProgram } from "../../../stacks/program.ts";
import type { StackSettings } from "../../../stacks/stack-settings.ts";
import { only, resourcesOf } from "../../components/support/resources-of.ts";
import { clusterNeed, startCluster, type Cluster } from "../cluster.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";
import { EngineFixture, findEngine } from "../providers/engine-fixture.ts";
import { suite } from "../requires.ts";
import { devSpecText } from "../scenarios/platform-stack.ts";

const engine = await findEngine();

/** KEDA and the Prometheus operator are used, and neither is stated. */
const spec = parseSpec(
  clusterSpecText
    .replace(
      "storage: { dataset: Fraud_Models, path: llm }\n",
      "storage: { dataset: Fraud_Models, path: llm }\n    autoscaling: { signal: request-rate, maxReplicas: 9 }\n",
    )
    .replace(
      "proxy:",
      'observability: { prometheus: "http://prometheus-operated.monitoring.svc:9090", podMonitors: {} }\nproxy:',
    ),
  "spec.yaml",
);
const owner = { platform: spec.metadata.name, stage: spec.metadata.stage };

const custom = { keda: "keda.sh/v1alpha1 ScaledObject", monitors: "monitoring.coreos.com/v1 PodMonitor" };

async function define(cluster: Cluster, custom: string): Promise<void> {
  const [apiVersion = "", kind = ""] = custom.split(" ");
  await cluster.defineKinds([{ apiVersion, kind, metadata: { name: "" } }]);
}

function operator(name: string, namespace: string, image: string): KubernetesObject {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "operator", image }] } },
    },
  };
}

suite("add-ons that no spec states, before a real API server,", [clusterNeed()], () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster();
  }, 120_000);
  afterAll(async () => {
    await cluster.stop();
  }, 60_000);

  const modes = (): Promise<AddonModes> =>
    addonModes(spec, { offline: false, access: { kubeconfig: pulumi.secret(cluster.kubeconfig) } });
  const refusal = async (): Promise<readonly Problem[]> => {
    const error: unknown = await modes().catch((thrown: unknown) => thrown);
    if (!PlatformError.is(error)) throw new Error("nothing was refused", { cause: error });
    return error.problems;
  };

  test("are installed where they are absent", async () => {
    expect(await modes()).toEqual({ keda: "install", prometheusOperator: "install" });
  });

  test("go on being installed when this stack's own namespace, definition and operator are there", async () => {
    const resources = await resourcesOf(() => addonComponents({ ...owner, modes: { keda: "install" } }, {}));
    const own = { apiVersion: "v1", kind: "Namespace", ...only(resources, ":Namespace").inputs };
    // The release comes after it: an update that was interrupted between them answers the same.
    await cluster.api.apply(own as KubernetesObject);
    expect((await modes()).keda).toBe("install");
    await define(cluster, custom.keda);
    expect((await modes()).keda).toBe("install");
    await cluster.api.apply(operator("keda-operator", "keda", "ghcr.io/kedacore/keda:2.20.2"));
    expect((await modes()).keda).toBe("install");
    expect((await modes()).keda).toBe("install");
  });

  test("are refused where only a definition is there, as after an installation that went", async () => {
    await define(cluster, custom.monitors);
    expect(await refusal()).toMatchObject([
      { code: "STACK_ADDON_UNRESOLVED", path: "addons.prometheusOperator" },
    ]);
    const stated = { ...spec, addons: { keda: "install", prometheusOperator: "install" } } as const;
    const access = { kubeconfig: pulumi.secret("nobody asks") };
    expect(await addonModes(stated, { offline: false, access })).toEqual(stated.addons);
  });

  test("are present where somebody else's operator runs beside the definition", async () => {
    const image = "mirror.bank:5000/quay.io/prometheus-operator/prometheus-operator:v0.93.0";
    await cluster.api.apply(operator("prometheus-operator", "domino-platform", image));
    expect(await modes()).toEqual({ keda: "install", prometheusOperator: "present" });
  });
});

suite("the whole program of a stack that states no add-on", [engine.need, clusterNeed()], () => {
  let cluster: Cluster;
  let stack: EngineFixture;

  beforeAll(async () => {
    [cluster, stack] = await Promise.all([startCluster(), EngineFixture.create(engine.cli)]);
    await define(cluster, custom.monitors);
  }, 120_000);
  afterAll(async () => {
    await stack.remove();
    await cluster.stop();
  }, 60_000);

  const observed =
    'observability: { prometheus: "http://prometheus.monitoring.svc:9090", podMonitors: {} }\n';
  const run = async (settings: Omit<StackSettings, "spec">) => {
    const dev = parseSpec(await devSpecText([["engines:\n", `${observed}engines:\n`]]), "dev.yaml");
    const options = { spec: dev, plan: planPlatform(dev), settings: { spec: "dev.yaml", ...settings } };
    return { ...(await platformProgram({ ...options, offline: false })) };
  };
  const withKubeconfig = () => run({ kubeconfig: pulumi.secret(cluster.kubeconfig) });

  test("is refused in the preview where the cluster's answer is not clear, and no object is planned", async () => {
    stack.program = withKubeconfig;
    const failure = await stack.failure(stack.preview());
    expect(failure).toContain("STACK_ADDON_UNRESOLVED addons.prometheusOperator");
    expect(stack.steps.map(({ type }) => type).filter((type) => !type.startsWith("pulumi:"))).toEqual([]);
  });

  test("leaves alone what others look after, and only reads its definitions", async () => {
    await cluster.api.apply(
      operator(
        "prometheus-operator",
        "domino-platform",
        "quay.io/prometheus-operator/prometheus-operator:v1",
      ),
    );
    stack.program = withKubeconfig;
    await stack.preview();
    const names = stack.steps.map(({ op, name }) => `${op} ${name}`);
    expect(names).toContain("read prometheus-operator-ready-podmonitors.monitoring.coreos.com");
    expect(names).toContain("create inference-proxy-monitor");
    expect(names.filter((name) => name.includes("prometheus-operator-release"))).toEqual([]);
    expect(stack.output + stack.events).not.toContain(tokenOf(cluster.kubeconfig));
  });

  test("is refused where EKS does not say the way into the cluster", async () => {
    // The stand-in for AWS knows no cluster.
    stack.program = () => run({});
    const failure = await stack.failure(stack.preview());
    expect(failure).toContain("STACK_ADDON_UNRESOLVED addons.prometheusOperator");
  });
});

/** The one secret of a kubeconfig of the test bed. */
function tokenOf(kubeconfig: string): string {
  const token = /token"?: *"?([^"\s,}]+)/.exec(kubeconfig)?.[1];
  if (token === undefined) throw new Error("the kubeconfig holds no token");
  return token;
}
