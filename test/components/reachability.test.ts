import { beforeAll, describe, expect, test } from "vitest";
import { loadSpec } from "../../platform/spec/load.ts";
import { recordingOfSpec, recordingOfStack, type StackRecording } from "./support/stack-recording.ts";
import { clusterSpec } from "./support/cluster-spec.ts";
import { podsOf, Reachability, type Pod } from "./support/reachability.ts";
import { present } from "./support/present.ts";

const dns: Pod = { namespace: "kube-system", labels: { "k8s-app": "kube-dns" } };
const run: Pod = { namespace: "domino-compute", labels: { "dominodatalab.com/workload-engine": "cg2" } };
const nucleus: Pod = { namespace: "domino-platform", labels: {} };
const prometheus: Pod = { namespace: "domino-platform", labels: { "app.kubernetes.io/name": "prometheus" } };
const stranger: Pod = { namespace: "default", labels: {} };
const s3 = { address: "52.218.1.1" };
const endpoint = { address: "10.0.64.17" };
const metadata = { address: "169.254.169.254" };

describe.each(["dev", "test", "prod", "another platform"])("network policies of %s", (stack) => {
  let recording: StackRecording;
  let network: Reachability;
  let pods: ReadonlyMap<string, Pod>;
  let proxy: Pod;
  let engines: { name: string; pod: Pod; type: string; storage: string; http: number }[];

  beforeAll(async () => {
    recording =
      stack === "another platform" ? await recordingOfSpec(clusterSpec()) : await recordingOfStack(stack);
    network = new Reachability(recording.resources);
    pods = podsOf(recording.resources);
    proxy = present(pods.get("inference-proxy"));
    engines = recording.plan.groups.map((group) => ({
      name: group.name,
      pod: present(pods.get(group.name)),
      type: group.engineType,
      storage: present(recording.plan.engines.find(({ name }) => name === group.engine)).storage.kind,
      http: 8000,
    }));
  });

  test("select the pods they mean: every pod is under the default deny and under rules of its own", () => {
    expect([...pods.keys()].sort()).toEqual(
      ["inference-proxy", ...recording.plan.groups.map(({ name }) => name)].sort(),
    );
    for (const pod of pods.values()) {
      expect(network.may(stranger, pod, 8000)).toBe(false);
      expect(network.may(pod, stranger, 8000)).toBe(false);
    }
  });

  test("let every pod ask DNS, over UDP and TCP", () => {
    for (const pod of pods.values()) {
      expect(network.may(pod, dns, 53, "UDP")).toBe(true);
      expect(network.may(pod, dns, 53, "TCP")).toBe(true);
      expect(network.may(pod, { ...dns, labels: {} }, 53, "UDP")).toBe(false);
    }
  });

  test("let Domino's runs reach the proxy and no engine", () => {
    expect(network.may(run, proxy, 8443)).toBe(true);
    expect(network.may(run, proxy, 8080)).toBe(false);
    for (const { pod, http } of engines) expect(network.may(run, pod, http)).toBe(false);
  });

  test("let nobody else reach the proxy", () => {
    expect(network.may(stranger, proxy, 8443)).toBe(false);
    expect(network.may(prometheus, proxy, 8443)).toBe(false);
    expect(network.may(stranger, proxy, 8081)).toBe(false);
    expect(network.may(run, proxy, 8081)).toBe(false);
    for (const { pod } of engines) expect(network.may(pod, proxy, 8443)).toBe(false);
  });

  test("let the proxy reach the HTTP port of every engine and none of their other ports", () => {
    for (const { pod, http } of engines) {
      expect(network.may(proxy, pod, http)).toBe(true);
      expect(network.may(proxy, pod, 8001)).toBe(false);
    }
  });

  test("let the proxy ask Domino's API who a key belongs to, and reach nothing outside", () => {
    expect(network.may(proxy, nucleus, 80)).toBe(true);
    expect(network.may(proxy, nucleus, 9000)).toBe(true);
    expect(network.may(proxy, nucleus, 5432)).toBe(false);
    expect(network.may(proxy, s3, 443)).toBe(false);
    expect(network.may(proxy, metadata, 80)).toBe(false);
  });

  test("let the proxy ask the API server, at whichever private address it is, for the pods of engines", () => {
    for (const address of ["10.0.64.17", "172.31.9.9", "192.168.1.1", "100.64.3.4"]) {
      expect(network.may(proxy, { address }, 443)).toBe(true);
      expect(network.may(proxy, { address }, 80)).toBe(false);
    }
  });

  test("let only Prometheus read metrics", () => {
    expect(network.may(prometheus, proxy, 8081)).toBe(true);
    expect(network.may(nucleus, proxy, 8081)).toBe(false);
    for (const { pod, type } of engines) {
      const port = type === "triton" ? 8002 : 8000;
      expect(network.may(prometheus, pod, port)).toBe(true);
      expect(network.may(nucleus, pod, port)).toBe(false);
      if (type === "triton") expect(network.may(prometheus, pod, 8000)).toBe(false);
    }
  });

  test("let engines that load from S3 reach S3, STS and KMS, public or by VPC endpoint, but no instance metadata", () => {
    for (const { pod, storage } of engines) {
      expect(network.may(pod, s3, 443)).toBe(storage === "s3");
      expect(network.may(pod, endpoint, 443)).toBe(storage === "s3");
      expect(network.may(pod, s3, 80)).toBe(false);
      expect(network.may(pod, metadata, 443)).toBe(false);
      expect(network.may(pod, metadata, 80)).toBe(false);
    }
  });

  test("let engines that load from a dataset reach EFS in the private subnets, and nothing else", () => {
    const subnet = stack === "another platform" ? "10.1.32.9" : "10.0.96.9";
    for (const { pod, storage } of engines) {
      expect(network.may(pod, { address: subnet }, 2049)).toBe(storage === "dataset");
      expect(network.may(pod, { address: "10.9.0.9" }, 2049)).toBe(false);
      expect(network.may(pod, { address: subnet }, 22)).toBe(false);
    }
  });

  test("keep engines from each other", () => {
    for (const one of engines) {
      for (const other of engines) expect(network.may(one.pod, other.pod, other.http)).toBe(false);
    }
  });
});

test("network policies of a platform with gRPC let runs and the proxy use it, where an engine has it", async () => {
  const recording = await recordingOfSpec(await loadSpec("examples/proxy-features.yaml"));
  const network = new Reachability(recording.resources);
  const pods = podsOf(recording.resources);
  const proxy = present(pods.get("inference-proxy"));
  expect(network.may(run, proxy, 50_051)).toBe(true);
  expect(network.may(stranger, proxy, 50_051)).toBe(false);
  for (const { name, engineType } of recording.plan.groups) {
    expect(network.may(proxy, present(pods.get(name)), 8001)).toBe(engineType === "triton");
  }
});
