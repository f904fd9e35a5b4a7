import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { CustomResourceDefinition } from "@pulumi/kubernetes/apiextensions/v1/index.js";
import { Deployment } from "@pulumi/kubernetes/apps/v1/index.js";
import {
  ConfigMap,
  Namespace,
  PersistentVolume,
  PersistentVolumeClaim,
  Secret,
  Service,
} from "@pulumi/kubernetes/core/v1/index.js";
import { Provider } from "@pulumi/kubernetes/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { clusterNeed, startCluster, type Cluster } from "../cluster.ts";
import type { KubernetesObject } from "../cluster/kubernetes-object.ts";
import { waitFor } from "../cluster/waiting.ts";
import { suite } from "../requires.ts";
import { EngineFixture, findEngine } from "./engine-fixture.ts";

const engine = await findEngine();

type Objects = (options: pulumi.CustomResourceOptions) => Record<string, unknown>;

function uidOf(object: KubernetesObject | undefined): string | undefined {
  return (object?.metadata as { readonly uid?: string } | undefined)?.uid;
}

suite(
  "the stand-in of the kubernetes provider before a real API server",
  [engine.need, clusterNeed()],
  () => {
    let cluster: Cluster;
    let stack: EngineFixture;

    beforeAll(async () => {
      cluster = await startCluster();
    });

    afterAll(async () => {
      await cluster?.stop();
    });

    beforeEach(async () => {
      // The stand-in itself is under test, whatever this machine has installed.
      stack = await EngineFixture.create(engine.cli, { official: [] });
    });

    afterEach(async () => {
      // What a failed test left would be found by the next one.
      await stack.failures([]);
      await stack.destroy().catch(() => undefined);
      await stack.remove();
    });

    function program(objects: Objects, settings: Readonly<Record<string, boolean>> = {}) {
      return async () => {
        const provider = new Provider("cluster", { kubeconfig: cluster.kubeconfig, ...settings });
        return objects({ provider });
      };
    }

    const namespaceOf = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    const configMapOf = (namespace: string, name: string) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace, name },
    });

    interface Web {
      readonly app?: string;
      readonly image?: string;
      readonly replicas?: number;
      readonly nodeSelector?: Readonly<Record<string, string>>;
      readonly annotations?: Readonly<Record<string, string>>;
    }

    /** A namespace with a deployment in it. */
    function web(
      { app = "web", image = "web:1", replicas = 2, nodeSelector = {}, annotations = {} }: Web,
      options: pulumi.CustomResourceOptions,
    ) {
      const namespace = new Namespace("namespace", { metadata: { name: "web" } }, options);
      const deployment = new Deployment(
        "deployment",
        {
          metadata: { name: "web", namespace: namespace.metadata.name, annotations: { ...annotations } },
          spec: {
            replicas,
            selector: { matchLabels: { app } },
            template: {
              metadata: { labels: { app } },
              spec: {
                nodeSelector: { ...nodeSelector },
                automountServiceAccountToken: false,
                containers: [
                  { name: "web", image, resources: { requests: { cpu: "1000m", memory: "1024Mi" } } },
                ],
              },
            },
          },
        },
        options,
      );
      return { available: deployment.status.availableReplicas, namespace: namespace.metadata.name };
    }

    test("creates a namespace with a deployment, changes it, replaces it for another selector, and leaves nothing", async () => {
      stack.program = program((options) => web({}, options));
      expect(await stack.preview()).toEqual({ create: 4 });
      expect(await cluster.api.read(namespaceOf("web"))).toBeUndefined();
      expect(await stack.up()).toEqual({ create: 4 });
      expect(stack.output).toContain("available: 2");
      expect(await stack.preview()).toEqual({ same: 4 });
      // Quantities are written another way by the server, and defaults are added: neither is drift.
      expect(await stack.refresh()).toEqual({ same: 4 });
      expect(await stack.preview()).toEqual({ same: 4 });

      const [before] = await cluster.api.list("apps/v1", "Deployment", "web");
      stack.program = program((options) => web({ image: "web:2" }, options));
      expect(await stack.preview()).toEqual({ update: 1, same: 3 });
      expect(await stack.up()).toEqual({ update: 1, same: 3 });
      const [changed] = await cluster.api.list("apps/v1", "Deployment", "web");
      expect(changed?.["spec"].template.spec.containers[0].image).toBe("web:2");
      expect(uidOf(changed)).toBe(uidOf(before));
      expect(changed?.["status"]).toMatchObject({ updatedReplicas: 2, availableReplicas: 2 });

      stack.program = program((options) => web({ image: "web:2", app: "site" }, options));
      expect(await stack.preview()).toEqual({ replace: 1, same: 3 });
      expect(await stack.up()).toEqual({ replace: 1, same: 3 });
      const [replaced] = await cluster.api.list("apps/v1", "Deployment", "web");
      expect(uidOf(replaced)).not.toBe(uidOf(before));

      expect(await stack.destroy()).toEqual({ delete: 4 });
      expect(await cluster.api.read(namespaceOf("web"))).toBeUndefined();
      expect(await cluster.api.list("v1", "Pod", "web")).toEqual([]);
      expect(stack.output).not.toMatch(/warning|error/i);
    });

    test("makes up names, keeps them, and replaces a config map unless it is told that they may change", async () => {
      const map = (value: string) => (options: pulumi.CustomResourceOptions) => {
        const { metadata } = new ConfigMap("settings", { data: { key: value } }, options);
        return { name: metadata.name, namespace: metadata.namespace };
      };
      const names = async () => {
        const all = await cluster.api.list("v1", "ConfigMap", "default");
        return all.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("settings"));
      };
      stack.program = program(map("one"));
      await stack.up();
      expect(stack.output).toContain('namespace: "default"');
      const [first] = await names();
      expect(first).toMatch(/^settings-[0-9a-f]{8}$/);
      stack.program = program(map("two"));
      expect(await stack.up()).toMatchObject({ replace: 1 });
      const second = await names();
      expect(second).toHaveLength(1);
      expect(second).not.toEqual([first]);

      stack.program = program(map("three"), { enableConfigMapMutable: true });
      expect(await stack.up()).toMatchObject({ update: 2, same: 1 });
      expect(await names()).toEqual(second);
    });

    test("tells in the preview what the API server refuses", async () => {
      stack.program = program((options) => {
        new ConfigMap(
          "map",
          { metadata: { name: "map", namespace: "default", lables: {} } as object, data: { key: "value" } },
          options,
        );
        return {};
      });
      expect(await stack.failure(stack.preview())).toContain(".metadata.lables");
      expect(await cluster.api.read(configMapOf("default", "map"))).toBeUndefined();
    });

    test("finds on refresh what others changed and removed, and repairs it where it may take fields from them", async () => {
      const objects: Objects = (options) => {
        new ConfigMap(
          "kept",
          { metadata: { name: "kept", namespace: "default" }, data: { key: "ours" } },
          options,
        );
        new ConfigMap(
          "lost",
          { metadata: { name: "lost", namespace: "default" }, data: { key: "ours" } },
          options,
        );
        return {};
      };
      stack.program = program(objects, { enableConfigMapMutable: true });
      await stack.up();
      await cluster.api.merge(configMapOf("default", "kept"), { data: { key: "theirs", more: "theirs" } });
      await cluster.api.remove(configMapOf("default", "lost"));
      expect(await stack.preview()).toEqual({ same: 4 });
      expect(await stack.refresh()).toEqual({ update: 1, delete: 1, same: 2 });
      expect(await stack.preview().catch(() => stack.output)).toContain("conflict");

      stack.program = program(objects, { enableConfigMapMutable: true, enablePatchForce: true });
      // Two, because the provider's settings changed too.
      expect(await stack.up()).toEqual({ update: 2, create: 1, same: 1 });
      // What others added is theirs.
      expect(await cluster.api.read(configMapOf("default", "kept"))).toMatchObject({
        data: { key: "ours", more: "theirs" },
      });
      expect(await stack.refresh()).toEqual({ same: 4 });
    });

    test("says why a deployment does not come up, keeps it, and goes on with it the next time", async () => {
      const annotations = { "pulumi.com/timeoutSeconds": "2" };
      stack.program = program((options) =>
        web({ nodeSelector: { "no-such": "node" }, annotations }, options),
      );
      const output = await stack.failure(stack.up());
      expect(output).toContain("timed out after 2 s");
      expect(output).toContain("Unschedulable");
      const [first] = await cluster.api.list("apps/v1", "Deployment", "web");
      expect(first?.["metadata"].name).toBe("web");
      expect(await stack.stateText()).toContain("web/web");

      // Unchanged, it is tried again.
      expect(await stack.failure(stack.up())).toContain("timed out after 2 s");
      stack.program = program((options) => web({}, options));
      expect(await stack.up()).toEqual({ update: 1, same: 3 });
      const [second] = await cluster.api.list("apps/v1", "Deployment", "web");
      expect(uidOf(second)).toBe(uidOf(first));
    });

    test("waits for the endpoints of a service and for the volume of a claim", async () => {
      stack.program = program((options) => {
        const outputs = web({ replicas: 1 }, options);
        const metadata = { name: "web", namespace: outputs.namespace };
        const service = new Service(
          "service",
          { metadata, spec: { selector: { app: "web" }, ports: [{ port: 80 }] } },
          options,
        );
        const capacity = { storage: "1Gi" };
        const volume = new PersistentVolume(
          "volume",
          {
            metadata: { name: "web" },
            spec: {
              capacity,
              accessModes: ["ReadOnlyMany"],
              storageClassName: "",
              csi: { driver: "efs.csi.aws.com", volumeHandle: "fs-1" },
              claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "web", name: "web" },
            },
          },
          options,
        );
        const claim = new PersistentVolumeClaim(
          "claim",
          {
            metadata,
            spec: {
              accessModes: ["ReadOnlyMany"],
              storageClassName: "",
              volumeName: volume.metadata.name,
              resources: { requests: capacity },
            },
          },
          options,
        );
        return { ...outputs, phase: claim.status.phase, address: service.spec.clusterIP };
      });
      await stack.up();
      expect(stack.output).toMatch(/phase\s*: "Bound"/);
      const slices = await cluster.api.list("discovery.k8s.io/v1", "EndpointSlice", "web");
      expect(slices[0]?.["endpoints"]).toHaveLength(1);
      expect(await stack.refresh()).toEqual({ same: 7 });
    });

    test("waits for the condition that a custom object names, also of a kind that is defined in the same update", async () => {
      stack.program = program((options) => {
        const definition = new CustomResourceDefinition(
          "definition",
          {
            metadata: { name: "gates.test.example.com" },
            spec: {
              group: "test.example.com",
              scope: "Namespaced",
              names: { kind: "Gate", plural: "gates", singular: "gate" },
              versions: [
                {
                  name: "v1",
                  served: true,
                  storage: true,
                  subresources: { status: {} },
                  schema: {
                    openAPIV3Schema: {
                      type: "object",
                      properties: {
                        spec: { type: "object", properties: { open: { type: "boolean" } } },
                        status: {
                          type: "object",
                          properties: {
                            address: { type: "string" },
                            conditions: {
                              type: "array",
                              items: {
                                type: "object",
                                properties: { type: { type: "string" }, status: { type: "string" } },
                              },
                            },
                          },
                        },
                      },
                    },
                  },
                },
              ],
            },
          },
          options,
        );
        const gate = new CustomResource(
          "gate",
          {
            apiVersion: "test.example.com/v1",
            kind: "Gate",
            metadata: {
              name: "gate",
              namespace: "default",
              annotations: { "pulumi.com/waitFor": '["condition=Ready", "jsonpath={.status.address}"]' },
            },
            spec: { open: true },
          },
          { ...options, dependsOn: [definition] },
        );
        return { gate: gate.id };
      });
      const gate = {
        apiVersion: "test.example.com/v1",
        kind: "Gate",
        metadata: { name: "gate", namespace: "default" },
      };
      const update = stack.up();
      await waitFor(() => cluster.api.read(gate), { what: "the gate" });
      const status = { address: "here", conditions: [{ type: "Ready", status: "True" }] };
      await cluster.api.merge(gate, { status }, "/status");
      expect(await update).toEqual({ create: 4 });
      expect(stack.output).toContain('gate: "default/gate"');
      expect(await stack.destroy()).toEqual({ delete: 4 });
    });

    test("keeps what a secret holds out of the output and encrypted in the state", async () => {
      stack.program = program((options) => {
        const secret = new Secret(
          "key",
          { metadata: { name: "key", namespace: "default" }, stringData: { key: "open-sesame" } },
          options,
        );
        const map = new ConfigMap(
          "map",
          {
            metadata: { name: "map", namespace: "default" },
            data: { key: pulumi.secret("swordfish"), plain: "plain" },
          },
          options,
        );
        return { data: secret.data, map: map.data };
      });
      await stack.preview();
      await stack.up();
      await stack.refresh();
      expect(await stack.preview()).toEqual({ same: 4 });
      const state = await stack.stateText();
      for (const text of ["open-sesame", Buffer.from("open-sesame").toString("base64"), "swordfish"]) {
        expect(stack.output).not.toContain(text);
        expect(state).not.toContain(text);
      }
      expect(await cluster.api.read(configMapOf("default", "map"))).toMatchObject({
        data: { key: "swordfish" },
      });
    });

    test("refuses an object that exists, unless it is told to take it up", async () => {
      await stack.failures([
        {
          type: "kubernetes:core/v1:ConfigMap",
          operation: "create",
          after: true,
          message: "connection reset",
        },
      ]);
      const objects: Objects = (options) => {
        const metadata = { name: "map", namespace: "default" };
        new ConfigMap("map", { metadata, data: { key: "value" } }, options);
        return {};
      };
      stack.program = program(objects);
      expect(await stack.failure(stack.up())).toContain("connection reset");
      const before = await cluster.api.read(configMapOf("default", "map"));
      expect(before).toBeDefined();
      expect(await stack.failure(stack.up())).toContain('ConfigMap "default/map" already exists');
      stack.program = program(objects, { upsertExistingObjects: true });
      expect(await stack.up()).toMatchObject({ create: 1 });
      const after = await cluster.api.read(configMapOf("default", "map"));
      expect(uidOf(after)).toBe(uidOf(before));
    });
  },
);
