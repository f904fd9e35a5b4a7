import { beforeAll, describe, expect, test } from "vitest";
import { clusterSpec } from "./support/cluster-spec.ts";
import { only, type RecordedResource } from "./support/resources-of.ts";
import { podsOf, Reachability } from "./support/reachability.ts";
import { recordingOfSpec, recordingOfStack, type StackRecording } from "./support/stack-recording.ts";
import { present } from "./support/present.ts";

/**
 * Each test is named after a defect of the reference deployment (helm chart and policies of Domino's public blueprint)
 * and shows that the shipped stacks do not have it.
 */
const stacks = ["dev", "test", "prod"] as const;
let recordings: ReadonlyMap<string, StackRecording>;

beforeAll(async () => {
  const entries: [string, StackRecording][] = [];
  for (const stack of stacks) entries.push([stack, await recordingOfStack(stack)]);
  recordings = new Map(entries);
});

describe.each(stacks)("the reference's defects are absent from %s", (stack) => {
  const recording = () => present(recordings.get(stack));
  const resources = () => recording().resources;
  const ofType = (suffix: string): RecordedResource[] =>
    resources().filter(({ type }) => type.endsWith(suffix));
  const deployments = () => ofType(":Deployment").map(({ inputs }) => inputs);
  const tritons = () =>
    deployments().filter(({ metadata }) => metadata.labels["app.kubernetes.io/name"] === "triton");
  const containers = () => deployments().flatMap(({ spec }) => spec.template.spec.containers);
  const proxy = () => only(resources(), ":Deployment", "inference-proxy-deployment").inputs;

  // 1. Proxy unauthenticated, without NetworkPolicy, TLS not verifiable.
  test("1a: the proxy authenticates its callers", () => {
    const { args } = proxy().spec.template.spec.containers[0];
    expect(args.slice(args.indexOf("--auth"), args.indexOf("--auth") + 4)).toEqual([
      "--auth",
      "domino",
      "--domino-host",
      "http://nucleus-frontend.domino-platform:80",
    ]);
  });
  test("1b: a network policy protects the proxy", () => {
    const network = new Reachability(resources());
    const pod = present(podsOf(resources()).get("inference-proxy"));
    expect(network.may({ namespace: "default", labels: {} }, pod, 8443)).toBe(false);
    expect(network.may({ namespace: "domino-compute", labels: {} }, pod, 8443)).toBe(true);
  });
  test("1c: the certificate covers the address that clients use, and an authority signs it", () => {
    const { spec } = only(resources(), ":Certificate", "serving").inputs;
    expect(spec.dnsNames).toContain(`inference-proxy-service.domino-inference-${stack}.svc.cluster.local`);
    expect(spec.issuerRef.name).toBe("inference-proxy-ca");
    expect(only(resources(), ":Certificate", "authority").inputs.spec.isCA).toBe(true);
  });

  // 2. Names written twice that can drift apart.
  test("2a: every selector is a part of its pods' labels", () => {
    for (const { spec } of deployments()) {
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    }
  });
  test("2b: the proxy's replicas are those of the spec", () => {
    expect(proxy().spec.replicas).toBe(recording().spec.proxy?.replicas);
  });
  test("2c: every Service port leads to a port that a container lists, and the proxy listens on the one it lists", () => {
    for (const { inputs } of ofType(":Service")) {
      const [deployment] = deployments().filter(({ spec }) =>
        Object.entries(inputs.spec.selector).every(
          ([key, value]) => spec.template.metadata.labels[key] === value,
        ),
      );
      const listed = deployment.spec.template.spec.containers[0].ports;
      for (const port of inputs.spec.ports) {
        // By its name or by its number.
        const own = listed.find(({ name }: { name: string }) => name === port.name);
        expect(own).toEqual({ name: port.name, containerPort: port.port });
        expect([own.name, own.containerPort]).toContain(port.targetPort);
      }
    }
    const { args, ports } = proxy().spec.template.spec.containers[0];
    expect(args[args.indexOf("--listen") + 1]).toBe(`0.0.0.0:${ports[0].containerPort}`);
  });
  test("2d: every network policy and disruption budget selects pods that exist", () => {
    const pods = [...podsOf(resources()).values()];
    for (const { inputs } of [...ofType(":NetworkPolicy"), ...ofType(":PodDisruptionBudget")]) {
      const { matchLabels = {} } = inputs.spec.podSelector ?? inputs.spec.selector;
      const selected = pods.filter(
        (pod) =>
          pod.namespace === inputs.metadata.namespace &&
          Object.entries(matchLabels).every(([key, value]) => pod.labels[key] === value),
      );
      expect(selected.length, inputs.metadata.name).toBeGreaterThan(0);
    }
  });
  test("2e: engines are a list: one Deployment each replica group of the plan, and no more", () => {
    expect(
      deployments()
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual(["inference-proxy", ...recording().plan.groups.map(({ name }) => name)].sort());
  });

  // 3. A layout that Triton does not read: the configuration in the version's folder, its version policy ignored.
  test("3: the repository is laid out as Triton reads it: <model>/config.pbtxt with its policy, versions beside it", () => {
    for (const { metadata, spec } of tritons()) {
      const engine = present(recording().plan.engines.find(({ groups }) => groups.includes(metadata.name)));
      const [container] = spec.template.spec.containers;
      const mount = container.volumeMounts.find(({ name }: { name: string }) => name === "models");
      const repository = container.volumeMounts.find(({ name }: { name: string }) => name === "repository");
      expect(container.args).toContain(`--model-repository=${repository.mountPath}`);
      expect(engine.storage).toMatchObject({ kind: "dataset", path: mount.subPath });
      // Models are loaded by name alone: which versions are served is the version policy's to say.
      const configs = only(recording().resources, ":ConfigMap", `${metadata.name}-repository-configs`).inputs;
      for (const { name, versions } of recording().plan.groups.find((group) => group.name === metadata.name)
        ?.models ?? []) {
        const numbers = versions.map(({ version }) => version).join(", ");
        expect(configs.data[`${name}.pbtxt`]).toContain(`versions: [${numbers}]`);
      }
      const loaded = container.args.filter((argument: string) => argument.startsWith("--load-model="));
      const models = recording().plan.groups.find(({ name }) => name === metadata.name)?.models ?? [];
      const names = engine.loading === "preload" ? models.map(({ name }) => `--load-model=${name}`) : [];
      expect(loaded).toEqual(names);
    }
  });

  // 4. Polling a network file system.
  test("4: Triton never polls its repository", () => {
    expect(tritons().length).toBeGreaterThan(0);
    for (const { spec } of tritons()) {
      const command: string[] = spec.template.spec.containers[0].args;
      expect(command).toContain("--model-control-mode=explicit");
      expect(command.join(" ")).not.toMatch(/poll/);
    }
  });

  // 5. A repository that can be written, with model control open to all, and an image with known holes.
  test("5a: the repository is read-only for Triton, from the volume to the mount", () => {
    for (const { spec } of tritons()) {
      const pod = spec.template.spec;
      const volume = pod.volumes.find(({ name }: { name: string }) => name === "models");
      expect(volume.persistentVolumeClaim.readOnly).toBe(true);
      const mount = pod.containers[0].volumeMounts.find(({ name }: { name: string }) => name === "models");
      expect(mount.readOnly).toBe(true);
    }
    for (const { inputs } of ofType(":PersistentVolume")) {
      expect(inputs.spec.accessModes).toEqual(["ReadOnlyMany"]);
      expect(inputs.spec.csi.readOnly).toBe(true);
    }
  });
  test("5b: only the proxy reaches Triton's API, and with it model control; grpc reaches nobody", () => {
    const network = new Reachability(resources());
    const pods = podsOf(resources());
    for (const { metadata } of tritons()) {
      const triton = present(pods.get(metadata.name));
      for (const namespace of ["domino-compute", "domino-platform", "default", metadata.namespace]) {
        expect(network.may({ namespace, labels: {} }, triton, 8000)).toBe(false);
        expect(network.may({ namespace, labels: {} }, triton, 8001)).toBe(false);
      }
      expect(network.may(present(pods.get("inference-proxy")), triton, 8001)).toBe(false);
    }
  });
  test("5c: Triton's image is newer than the fixes of August 2025", () => {
    for (const { spec } of tritons()) {
      const tag = present(/tritonserver:(\d+)\.(\d+)-/.exec(spec.template.spec.containers[0].image));
      expect(Number(tag[1]) * 100 + Number(tag[2])).toBeGreaterThan(2508);
    }
  });

  // 6. A volume that deletes, that others can bind, and that opens the whole file system.
  test("6a: the volume outlives the stack, is bound to one claim and mounted by TLS", () => {
    for (const { inputs } of ofType(":PersistentVolume")) {
      expect(inputs.spec.persistentVolumeReclaimPolicy).toBe("Retain");
      expect(inputs.spec.claimRef).toMatchObject({ namespace: `domino-inference-${stack}` });
      expect(inputs.spec.mountOptions).toContain("tls");
    }
  });
  test("6b: the volume's access point is the stack's own, rooted at one dataset, not root's", () => {
    const points = ofType(":AccessPoint");
    expect(points.length).toBeGreaterThan(0);
    for (const { inputs } of points) {
      expect(inputs.rootDirectory.path).toMatch(/^\/domino\/filecache\/[0-9a-f-]{36}$/);
      expect(inputs.posixUser).toEqual({ uid: 12574, gid: 12574 });
    }
    for (const { inputs } of ofType(":PersistentVolume")) {
      expect(inputs.spec.csi.volumeHandle).toMatch(/^fs-[0-9a-f]+::<id:.*-access-point>$/);
    }
  });

  // 7. Users mapped to somebody else.
  test("7: every user is mapped to the service account of their own, which exists and has the right role", () => {
    const [rule] = only(resources(), ":Mutation").inputs.rules;
    const mappings: Record<string, string> = rule.cloudWorkloadIdentity.user_mappings;
    expect(Object.keys(mappings)).toEqual(recording().spec.domino?.users?.map(({ user }) => user));
    expect(new Set(Object.values(mappings)).size).toBe(Object.keys(mappings).length);
    const accounts = ofType(":ServiceAccount").map(({ inputs }) => inputs);
    for (const [user, account] of Object.entries(mappings)) {
      expect(account).toBe(`domino-inference-${stack}-${user}`);
      expect(accounts.find(({ metadata }) => metadata.name === account)?.metadata).toMatchObject({
        namespace: "domino-compute",
        annotations: { "eks.amazonaws.com/role-arn": "<arn:mlflow-s3-access-role-access-role>" },
      });
    }
  });

  // 8. IAM.
  const policies = () => ofType(":RolePolicy").map(({ inputs }) => JSON.parse(inputs.policy));
  test("8a: the bucket's location is allowed without a condition on the prefix, which it never carries", () => {
    for (const { Statement } of policies()) {
      const [statement] = Statement.filter(({ Action }: { Action: string[] }) =>
        Action.includes("s3:GetBucketLocation"),
      );
      expect(statement.Action).toEqual(["s3:GetBucketLocation"]);
      expect(statement).not.toHaveProperty("Condition");
    }
  });
  test("8b: who may read objects may decrypt them, and who may write may encrypt, through S3 only", () => {
    for (const { Statement } of policies()) {
      const actions: string[] = Statement.flatMap(({ Action }: { Action: string[] }) => Action);
      expect(actions).toContain("kms:Decrypt");
      expect(actions.includes("kms:GenerateDataKey")).toBe(actions.includes("s3:PutObject"));
      const [kms] = Statement.filter(({ Action }: { Action: string[] }) => Action.includes("kms:Decrypt"));
      expect(kms.Condition).toEqual({ StringEquals: { "kms:ViaService": "s3.us-west-2.amazonaws.com" } });
    }
  });
  test("8c: trust names exact service accounts, by StringEquals and without wildcards", () => {
    for (const { inputs } of ofType("aws:iam/role:Role")) {
      expect(inputs.assumeRolePolicy).not.toContain("*");
      expect(Object.keys(JSON.parse(inputs.assumeRolePolicy).Statement[0].Condition)).toEqual([
        "StringEquals",
      ]);
    }
  });
  test("8d: what only needs to read may not write", () => {
    const written = stack === "dev" ? ["mlflow-s3-access-role-access-policy"] : undefined;
    for (const resource of ofType(":RolePolicy")) {
      const role = recording().spec.domino?.roles?.find(({ name }) => resource.name.startsWith(name));
      const mayWrite = role?.access === "read-write";
      expect(resource.inputs.policy.includes("s3:PutObject"), resource.name).toBe(mayWrite);
      if (written) expect(written.includes(resource.name)).toBe(mayWrite);
    }
  });
  test("8e: annotations name the role that was created, not a made-up one", () => {
    const roles = ofType("aws:iam/role:Role").map(({ name }) => `<arn:${name}>`);
    for (const { inputs } of ofType(":ServiceAccount")) {
      const annotated = inputs.metadata.annotations?.["eks.amazonaws.com/role-arn"];
      if (annotated !== undefined) expect(roles).toContain(annotated);
    }
  });

  // 9. What was missing.
  test("9a: engines ask for GPUs, and everything has limits", () => {
    for (const { name, resources } of containers()) {
      // What the proxy holds of bodies comes and goes, so its limits are higher than what it keeps for itself.
      if (name === "inference-proxy") {
        expect(Object.keys(resources.limits)).toEqual(["cpu", "memory"]);
      } else {
        expect(resources.limits).toEqual(resources.requests);
      }
    }
    for (const group of recording().plan.groups) {
      const { inputs } = only(resources(), ":Deployment", `${group.name}-deployment`);
      expect(inputs.spec.template.spec.containers[0].resources.limits["nvidia.com/gpu"]).toBe(
        String(group.gpusPerReplica),
      );
    }
  });
  test("9b: everything is probed and has a disruption budget", () => {
    for (const container of containers()) {
      expect(container).toMatchObject({
        startupProbe: expect.anything(),
        livenessProbe: expect.anything(),
        readinessProbe: expect.anything(),
      });
    }
    expect(ofType(":PodDisruptionBudget")).toHaveLength(deployments().length);
  });
  test("9c: every namespace has a quota", () => {
    expect(ofType(":ResourceQuota").map(({ inputs }) => inputs.metadata.namespace)).toEqual(
      ofType(":Namespace").map(({ inputs }) => inputs.metadata.name),
    );
  });
  test("9d: every image has an exact tag or a digest", () => {
    for (const { image } of containers()) {
      expect(image).toMatch(/:[\w][\w.-]*(@sha256:[0-9a-f]{64})?$|@sha256:[0-9a-f]{64}$/);
      expect(image).not.toMatch(/:latest$/);
    }
  });
});

test("2f: renaming an engine renames its Deployment, its selector, its Service and its route together", async () => {
  const { resources, plan } = await recordingOfSpec(
    clusterSpec(["name: fraud\n    type", "name: renamed\n    type"]),
  );
  const { inputs } = only(resources, ":Deployment", "renamed-deployment");
  expect(inputs.metadata.name).toBe("renamed");
  expect(inputs.spec.selector.matchLabels["app.kubernetes.io/instance"]).toBe("renamed");
  expect(inputs.spec.template.metadata.labels["app.kubernetes.io/instance"]).toBe("renamed");
  expect(only(resources, ":Service", "renamed-service").inputs.spec.selector).toEqual(
    inputs.spec.selector.matchLabels,
  );
  const server = plan.routes.servers.find(({ name }) => name === "renamed");
  expect(server?.models[0]?.versions[0]?.targets[0]?.endpoints[0]).toMatch(/^http:\/\/renamed\./);
});
