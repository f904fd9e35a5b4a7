import { globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { engineContract } from "../../policies/engine-contract.ts";
import { enginePodsOf } from "../../policies/engine-contract/engine-pods.ts";
import type { PolicyResource } from "../../policies/policy.ts";
import { resource, unknown } from "./resource.ts";

type Fields = Record<string, unknown>;

const deployment = "kubernetes:apps/v1:Deployment";
const probe = (path: string, port: unknown = "http"): Fields => ({ httpGet: { path, port } });
const labels = (type: string): Fields => ({
  "app.kubernetes.io/component": "inference-engine",
  "app.kubernetes.io/name": type,
});

const tritonContainer: Fields = {
  name: "triton",
  args: ["tritonserver", "--load-model=7", "--load-model=8", "--exit-timeout-secs=60"],
  env: [{ name: "HOME", value: "/tmp" }],
  ports: [{ name: "http", containerPort: 8000 }],
  startupProbe: probe("/v2/health/ready"),
  livenessProbe: probe("/v2/health/live"),
  readinessProbe: probe("/v2/health/ready"),
};

const vllmContainer: Fields = {
  name: "vllm",
  command: ["vllm", "serve", "/models/llama/1", "--host=0.0.0.0", "--port=8000", "--max-num-seqs=64"],
  startupProbe: probe("/health", 8000),
  livenessProbe: probe("/health", 8000),
  readinessProbe: probe("/health", 8000),
};

const dynamoContainer: Fields = {
  name: "main",
  command: ["python3", "-m", "dynamo.sglang"],
  args: ["--tp-size", "4"],
  startupProbe: probe("/health", 9090),
  livenessProbe: probe("/live", 9090),
  readinessProbe: probe("/health", 9090),
};

const template = (type: string, container: Fields, pod: Fields = {}): Fields => ({
  metadata: { labels: labels(type) },
  spec: {
    terminationGracePeriodSeconds: 380,
    securityContext: { runAsNonRoot: true },
    containers: [container],
    ...pod,
  },
});

const triton = (container: Fields = {}, pod: Fields = {}): readonly string[] =>
  engineContract.check(
    resource(deployment, {
      spec: { template: template("triton", { ...tritonContainer, ...container }, pod) },
    }),
  );

const vllm = (container: Fields = {}, pod: Fields = {}): readonly string[] =>
  engineContract.check(
    resource(deployment, { spec: { template: template("vllm", { ...vllmContainer, ...container }, pod) } }),
  );

const dynamo = (container: Fields = {}, pod: Fields = {}): readonly string[] =>
  engineContract.check(
    resource("kubernetes:nvidia.com/v1beta1:DynamoGraphDeployment", {
      spec: {
        components: [
          { name: "Frontend", podTemplate: { metadata: { labels: {} }, spec: { containers: [{}] } } },
          { name: "decode", podTemplate: template("dynamo", { ...dynamoContainer, ...container }, pod) },
        ],
      },
    }),
  );

test.each([
  ["triton", triton()],
  ["vllm", vllm()],
  ["dynamo", dynamo()],
])("accepts pods of %s that are as its profile says", (_, faults) => {
  expect(faults).toEqual([]);
});

test.each([
  ["of another component", { ...labels("triton"), "app.kubernetes.io/component": "proxy" }],
  ["of an engine without a profile", labels("torchserve")],
  ["whose labels are not known yet", unknown],
  ["whose engine is not known yet", { ...labels("triton"), "app.kubernetes.io/name": unknown }],
])("has nothing to say about pods %s", (_, podLabels) => {
  const spec = { template: { metadata: { labels: podLabels }, spec: { containers: [{ name: "it" }] } } };
  expect(engineContract.check(resource(deployment, { spec }))).toEqual([]);
});

test.each([
  "kubernetes:apps/v1:StatefulSet",
  "kubernetes:apps/v1:DaemonSet",
  "kubernetes:apps/v1:ReplicaSet",
])("judges what %s makes", (type) => {
  const pod = template("vllm", vllmContainer, { terminationGracePeriodSeconds: 30 });
  expect(engineContract.check(resource(type, { spec: { template: pod } }))).toHaveLength(1);
});

test("lets jobs of an engine end as they like", () => {
  const spec = { template: template("vllm", { name: "warm-up" }) };
  expect(engineContract.check(resource("kubernetes:batch/v1:Job", { spec }))).toEqual([]);
});

describe("the grace period", () => {
  test("is refused where it is shorter than the drain of the engine", () => {
    expect(triton({}, { terminationGracePeriodSeconds: 89 })).toEqual([
      "terminationGracePeriodSeconds is 89; NVIDIA Triton Inference Server needs 90 s to leave the Service and finish its requests",
    ]);
    expect(vllm({}, { terminationGracePeriodSeconds: 30 })).toEqual([
      "terminationGracePeriodSeconds is 30; vLLM needs 330 s to leave the Service and finish its requests",
    ]);
    expect(triton({}, { terminationGracePeriodSeconds: 90 })).toEqual([]);
  });

  test("is refused where it is left to Kubernetes, whose 30 s are too short", () => {
    expect(vllm({}, { terminationGracePeriodSeconds: undefined })).toEqual([
      "terminationGracePeriodSeconds is not set; vLLM needs 330 s to leave the Service and finish its requests",
    ]);
  });

  test("is not judged where it is not known yet", () => {
    expect(vllm({}, { terminationGracePeriodSeconds: unknown })).toEqual([]);
  });

  test("of Dynamo follows the longest request that its worker was told", () => {
    const told = (value: unknown) => ({
      env: [{ name: "DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS", value }],
    });
    expect(dynamo(told("60"), { terminationGracePeriodSeconds: 140 })).toEqual([]);
    expect(dynamo(told("900"))).toEqual([
      "components[1]: terminationGracePeriodSeconds is 380; NVIDIA Dynamo needs 930 s to leave the Service and finish its requests",
    ]);
    expect(dynamo({}, { terminationGracePeriodSeconds: 140 })).toHaveLength(1);
    expect(dynamo(told(unknown), { terminationGracePeriodSeconds: 140 })).toEqual([]);
    expect(dynamo({ env: unknown }, { terminationGracePeriodSeconds: 140 })).toEqual([]);
    expect(dynamo({ env: [unknown] }, { terminationGracePeriodSeconds: 140 })).toEqual([]);
  });
});

describe("probes", () => {
  test("are refused where they are missing", () => {
    expect(triton({ startupProbe: undefined, livenessProbe: null, readinessProbe: undefined })).toEqual([
      "containers[0]: startupProbe is missing; NVIDIA Triton Inference Server answers startup at /v2/health/ready, port 8000",
      "containers[0]: livenessProbe is missing; NVIDIA Triton Inference Server answers liveness at /v2/health/live, port 8000",
      "containers[0]: readinessProbe is missing; NVIDIA Triton Inference Server answers readiness at /v2/health/ready, port 8000",
    ]);
  });

  test("of liveness are refused at the path of readiness where the engine tells them apart", () => {
    expect(triton({ livenessProbe: probe("/v2/health/ready") })).toEqual([
      "containers[0]: livenessProbe asks /v2/health/ready; NVIDIA Triton Inference Server answers liveness at /v2/health/live, port 8000",
    ]);
    expect(dynamo({ livenessProbe: probe("/health", 9090) })).toEqual([
      "components[1]: containers[0]: livenessProbe asks /health; NVIDIA Dynamo answers liveness at /live, port 8000 or 9090",
    ]);
  });

  test("are refused at another port, by number, text or name", () => {
    const message =
      "containers[0]: readinessProbe asks port 9000; vLLM answers readiness at /health, port 8000";
    expect(vllm({ readinessProbe: probe("/health", 9000) })).toEqual([message]);
    expect(vllm({ readinessProbe: probe("/health", "9000") })).toEqual([message]);
    expect(
      vllm({ readinessProbe: probe("/health", "api"), ports: [{ name: "api", containerPort: 9000 }] }),
    ).toEqual([message]);
  });

  test("are refused where they ask for something else than HTTP, or for no path", () => {
    expect(vllm({ readinessProbe: { tcpSocket: { port: 8000 } } })).toEqual([
      "containers[0]: readinessProbe is no HTTP request; vLLM answers readiness at /health, port 8000",
    ]);
    expect(vllm({ readinessProbe: { httpGet: { port: 8000 } } })).toEqual([
      "containers[0]: readinessProbe asks /; vLLM answers readiness at /health, port 8000",
    ]);
  });

  test.each([
    [{ readinessProbe: unknown }],
    [{ readinessProbe: { httpGet: unknown } }],
    [{ readinessProbe: { httpGet: { path: unknown, port: unknown } } }],
    [{ readinessProbe: probe("/health", "api"), ports: unknown }],
    [{ readinessProbe: probe("/health", "api"), ports: [{ name: "api", containerPort: unknown }] }],
  ])("are not judged where they are not known yet: %j", (container) => {
    expect(vllm(container)).toEqual([]);
  });

  test("are those of the engine's container, which sidecars stand beside", () => {
    const containers = [{ name: "log-shipper" }, { ...vllmContainer, livenessProbe: undefined }];
    expect(vllm({}, { containers })).toEqual([
      "containers[1]: livenessProbe is missing; vLLM answers liveness at /health, port 8000",
    ]);
    expect(vllm({}, { containers: [{ name: "log-shipper" }, unknown] })).toEqual([]);
  });

  test("are needed on the leader of a replica that spans nodes, and not on the others", () => {
    const silent = { name: "vllm", command: ["vllm", "serve"] };
    const set = (leaderWorkerTemplate: Fields): readonly string[] =>
      engineContract.check(
        resource("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet", {
          spec: { leaderWorkerTemplate },
        }),
      );
    const [leader, worker] = [template("vllm", vllmContainer), template("vllm", silent)];
    expect(set({ leaderTemplate: leader, workerTemplate: worker })).toEqual([]);
    expect(set({ leaderTemplate: unknown, workerTemplate: worker })).toEqual([]);
    expect(set({ leaderTemplate: worker, workerTemplate: worker })).toHaveLength(3);
    // Its pods lead too.
    expect(set({ workerTemplate: worker })).toHaveLength(3);
    expect(
      set({
        leaderTemplate: leader,
        workerTemplate: template("vllm", silent, { terminationGracePeriodSeconds: 30 }),
      }),
    ).toEqual([
      "workerTemplate: terminationGracePeriodSeconds is 30; vLLM needs 330 s to leave the Service and finish its requests",
    ]);
  });
});

describe("the command", () => {
  const twice = (flag: string, reason: string) =>
    `containers[0]: the argument --${flag} is there more than once, and sets what ${reason}`;

  test.each([
    [["--max-num-seqs=64", "--max-num-seqs=512"]],
    [["--max-num-seqs=64", "--max_num_seqs", "512"]],
  ])("is refused with a number of the contract said twice: %j", (args) => {
    expect(vllm({ command: ["vllm", "serve"], args })).toEqual([
      twice("max-num-seqs", "is maxBatchSize of the model, or the plan's"),
    ]);
  });

  test("is refused with a switch of the contract and its opposite", () => {
    const args = ["--enable-prefix-caching", "--no-enable-prefix-caching"];
    expect(vllm({ args })).toEqual([
      twice("enable-prefix-caching", "is the key vllm.prefixCaching of the model"),
    ]);
  });

  test("may repeat what is not the contract's, and lists", () => {
    expect(vllm({ args: ["--seed=1", "--seed=2", "--lora-modules=a=b", "--lora-modules=c=d"] })).toEqual([]);
  });

  test("is refused with another port than the engine is asked at", () => {
    expect(vllm({ command: ["vllm", "serve", "--port", "9000"] })).toEqual([
      "containers[0]: the argument --port is 9000; vLLM is asked at port 8000",
    ]);
    expect(triton({ args: ["tritonserver", "--metrics-port=8000"] })).toEqual([
      "containers[0]: the argument --metrics-port is 8000; NVIDIA Triton Inference Server is asked at port 8002",
    ]);
    expect(vllm({ args: ["--master-port=29500"] })).toEqual([]);
  });

  test("is not judged by what is not known yet", () => {
    expect(vllm({ args: unknown })).toEqual([]);
    expect(vllm({ args: ["--max-num-seqs", unknown] })).toEqual([]);
    expect(vllm({ command: ["vllm", "serve", "--port", unknown] })).toEqual([]);
  });

  test("is refused with a variable of the contract given twice", () => {
    const variable = (name: string) => ({ name, value: "1" });
    const env = ["HF_HUB_OFFLINE", "HF_HUB_OFFLINE", "OTHER", "OTHER", "LWS_X", "LWS_X"].map(variable);
    expect(vllm({ env: [...env, unknown] })).toEqual([
      "containers[0]: the variable HF_HUB_OFFLINE is there more than once; it follows from storage",
      "containers[0]: the variable LWS_X is there more than once; it is set by the LeaderWorkerSet",
    ]);
    expect(vllm({ env: unknown })).toEqual([]);
  });
});

describe("the user", () => {
  const mayBeRoot = "containers[0]: may run as root; set runAsNonRoot: true and runAsUser: 2000";

  test.each([
    [{}, { securityContext: undefined }],
    [{}, { securityContext: { runAsNonRoot: false } }],
    [{ securityContext: { runAsNonRoot: false } }, {}],
  ])("may not be root: %j, %j", (container, pod) => {
    expect(vllm(container, pod)).toEqual([mayBeRoot]);
  });

  test("is the image's, where one is stated", () => {
    expect(vllm({}, { securityContext: { runAsNonRoot: true, runAsUser: 2000 } })).toEqual([]);
    expect(vllm({ securityContext: { runAsUser: 1000 } })).toEqual([
      "containers[0]: runs as user 1000; vLLM runs as 2000",
    ]);
  });

  test("of a container counts before that of its pod", () => {
    expect(
      vllm(
        { securityContext: { runAsNonRoot: true, runAsUser: 2000 } },
        { securityContext: { runAsNonRoot: false, runAsUser: 0 } },
      ),
    ).toEqual([]);
  });

  test.each([
    [{ securityContext: unknown }],
    [{ securityContext: { runAsNonRoot: unknown, runAsUser: unknown } }],
  ])("is not judged where it is not known yet: %j", (container) => {
    expect(vllm(container)).toEqual([]);
  });
});

test("a patch is judged by what it says, as the rest is in what it patches", () => {
  const patch = (container: Fields, pod: Fields) =>
    engineContract.check(
      resource(`${deployment}Patch`, {
        spec: {
          template: {
            metadata: { labels: labels("vllm") },
            spec: { containers: [{ name: "vllm", ...container }], ...pod },
          },
        },
      }),
    );
  expect(patch({}, {})).toEqual([]);
  expect(patch({ livenessProbe: probe("/live") }, { terminationGracePeriodSeconds: 5 })).toEqual([
    "terminationGracePeriodSeconds is 5; vLLM needs 330 s to leave the Service and finish its requests",
    "containers[0]: livenessProbe asks /live; vLLM answers liveness at /health, port 8000",
  ]);
});

describe("ingress", () => {
  const own = { podSelector: { matchLabels: labels("triton") } };
  const anyone = { namespaceSelector: {} };
  const check = (ingress: unknown, matchLabels: unknown = labels("triton")): readonly string[] =>
    engineContract.check(
      resource("kubernetes:networking.k8s.io/v1:NetworkPolicy", {
        spec: { podSelector: { matchLabels }, policyTypes: ["Ingress"], ingress },
      }),
    );
  const asked = "NVIDIA Triton Inference Server is asked at 8000, 8001, 8002";

  test("is let through at the ports of the engine", () => {
    const ports = [{ port: 8000 }, { port: "8001" }, { port: "http" }, { port: 8002, endPort: 8002 }];
    expect(check([{ from: [anyone], ports }])).toEqual([]);
    expect(check(undefined)).toEqual([]);
  });

  test("is refused at any other", () => {
    const ports = [{ port: 22 }, { port: 8000, endPort: 9000 }, { protocol: "TCP" }];
    expect(check([{ from: [anyone], ports }])).toEqual([
      `ingress[0]: port 22 is open; ${asked}`,
      `ingress[0]: ports 8000 to 9000 are open; ${asked}`,
      `ingress[0]: all ports are open; ${asked}`,
    ]);
  });

  test.each([
    [{}],
    [{ from: [anyone] }],
    [{ from: [own, anyone] }],
    [{ from: [{ ...own, namespaceSelector: {} }] }],
    [{ from: [{ podSelector: {} }] }],
    [{ from: [{ ipBlock: { cidr: "10.0.0.0/8" } }], ports: [] }],
  ])("is refused at all ports: %j", (rule) => {
    expect(check([rule])).toEqual([`ingress[0]: all ports are open; ${asked}`]);
  });

  test("among the replicas of the engine may use every port, as their processes agree on ports", () => {
    expect(check([{ from: [own] }])).toEqual([]);
  });

  test.each([
    [unknown],
    [[unknown]],
    [[{ from: unknown }]],
    [[{ from: [unknown] }]],
    [[{ from: [{ podSelector: unknown }] }]],
    [[{ from: [anyone], ports: unknown }]],
    [[{ from: [anyone], ports: [unknown, { port: unknown }, { port: 8000, endPort: unknown }] }]],
  ])("is not judged where it is not known yet: %j", (ingress) => {
    expect(check(ingress)).toEqual([]);
  });

  test.each([[unknown], [null], [{}], [labels("torchserve")]])(
    "of pods that are no engine's is not judged: %j",
    (matchLabels) => {
      expect(check([{}], matchLabels)).toEqual([]);
    },
  );
});

describe.each(globSync("test/golden/**/*.yaml").toSorted())("the resources of %s", (file) => {
  const resources: PolicyResource[] = parse(readFileSync(file, "utf8")).map(
    ({ type, name, inputs }: { type: string; name: string; inputs: Fields }) => resource(type, inputs, name),
  );
  const workloads = resources.filter((made) => enginePodsOf(made).length > 0);

  test("keep the contract", () => {
    expect(resources.flatMap((made) => engineContract.check(made))).toEqual([]);
  });

  // The chart makes the workload of the helm pattern, and a policy sees the release alone.
  test.skipIf(file.endsWith("vllm-helm.yaml"))(
    "are seen: each workload breaks it with a shorter grace",
    () => {
      expect(workloads).not.toEqual([]);
      for (const made of workloads) {
        const shortened = JSON.parse(
          JSON.stringify(made.props).replaceAll(
            /"terminationGracePeriodSeconds":\d+/g,
            '"terminationGracePeriodSeconds":30',
          ),
        );
        expect(engineContract.check({ ...made, props: shortened })).toHaveLength(enginePodsOf(made).length);
      }
    },
  );

  test("keep it whatever is not known yet, and no value of another type is an error", () => {
    for (const made of resources) {
      if (!workloads.includes(made) && !made.type.endsWith(":NetworkPolicy")) continue;
      for (const path of pathsIn(made.props)) {
        expect(engineContract.check(replaced(made, path, unknown)), path.join(".")).toEqual([]);
        for (const value of [null, 7, "text", [null], {}]) engineContract.check(replaced(made, path, value));
      }
    }
  });
});

/** Every place below a value. */
function pathsIn(value: unknown): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [key],
    ...pathsIn(inner).map((path) => [key, ...path]),
  ]);
}

function replaced(made: PolicyResource, path: readonly string[], value: unknown): PolicyResource {
  const put = (node: unknown, [key, ...rest]: readonly string[]): unknown => {
    if (key === undefined) return value;
    if (Array.isArray(node)) return node.with(Number(key), put(node[Number(key)], rest));
    return { ...(node as Fields), [key]: put((node as Fields)[key], rest) };
  };
  return { ...made, props: put(made.props, path) as Fields };
}
