import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addonComponents } from "../../../components/addons/addon-components.ts";
import type { AddonModes } from "../../../components/addons/addon-mode.ts";
import { PlatformError, type Problem } from "../../../platform/errors/platform-error.ts";
import { parseSpec } from "../../../platform/spec/load.ts";
import { addonModes } from "../../../stacks/addon-modes.ts";
import { clusterSpecText } from "../../components/support/cluster-spec.ts";
import { only, resourcesOf } from "../../components/support/resources-of.ts";
import { clusterNeed, startCluster, type Cluster } from "../cluster.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";
import { suite } from "../requires.ts";

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
  const define = (kind: string) => {
    const [apiVersion = "", name = ""] = kind.split(" ");
    return cluster.defineKinds([{ apiVersion, kind: name, metadata: { name: "" } }]);
  };
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
    await define(custom.keda);
    expect((await modes()).keda).toBe("install");
    await cluster.api.apply(operator("keda-operator", "keda", "ghcr.io/kedacore/keda:2.20.2"));
    expect((await modes()).keda).toBe("install");
    expect((await modes()).keda).toBe("install");
  });

  test("are refused where only a definition is there, as after an installation that went", async () => {
    await define(custom.monitors);
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
