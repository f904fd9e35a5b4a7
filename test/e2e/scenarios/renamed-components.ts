import * as pulumi from "@pulumi/pulumi";
import { GpuNodeGroup } from "../../../components/cluster/gpu-node-group.ts";
import { InferenceNamespace } from "../../../components/cluster/inference-namespace.ts";
import { UserRole } from "../../../components/domino/user-role.ts";
import { UserRoleMutation } from "../../../components/domino/user-role-mutation.ts";
import { EnginePriorities } from "../../../components/engines/engine-priorities.ts";
import { engineComponents } from "../../../components/engines/registry.ts";
import { ServiceAccountRole } from "../../../components/identity/service-account-role.ts";
import { selectorLabels } from "../../../components/labels.ts";
import { InferenceProxy } from "../../../components/proxy/inference-proxy.ts";
import { proxyIdentity } from "../../../components/proxy/proxy-identity.ts";
import { DatasetVolume } from "../../../components/storage/dataset-volume.ts";
import type { EnginePlan } from "../../../platform/plan/platform-plan.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { parseSpec } from "../../../platform/spec/load.ts";
import { stackAccess, stackProviders } from "../../../stacks/providers.ts";
import type { Cluster } from "../cluster.ts";
import type { Program } from "../providers/engine-fixture.ts";
import { devSpecText } from "./platform-stack.ts";

/**
 * One component of every type, as somebody writes them who builds a program of their own.
 *
 * @param cluster where the objects go
 * @param prefix text before each component's name
 * @param formerly what it was in an earlier program; absent in the first
 */
export function programOfComponents(cluster: Cluster, prefix: string, formerly?: string): Program {
  return async () => {
    const spec = parseSpec(await devSpecText(), "dev.yaml");
    const plan = planPlatform(spec);
    const existing = spec.cluster?.existing;
    const [namespaceName = ""] = plan.namespaces.map(({ name }) => name);
    const [triton] = plan.engines.filter(({ type }) => type === "triton");
    if (existing === undefined || triton === undefined) throw new Error("dev has neither cluster nor Triton");
    const settings = { spec: "dev.yaml", kubeconfig: pulumi.secret(cluster.kubeconfig) };
    const providers = { ...stackProviders(existing, stackAccess(plan, existing, settings)) };
    const named = (
      name: string,
      ...dependsOn: pulumi.Resource[]
    ): [string, pulumi.ComponentResourceOptions] => [
      `${prefix}${name}`,
      {
        providers,
        dependsOn,
        ...(formerly === undefined ? {} : { aliases: [{ name: `${formerly}${name}` }] }),
      },
    ];
    const { platform } = plan;
    const groups = plan.groups.filter(({ engine }) => engine === triton.name);
    const own = { platform, platformNamespace: namespaceName };
    const s3 = { bucket: "models", prefix: "llm", access: "read" as const };
    const account = {
      accountId: existing.accountId,
      oidcIssuer: existing.oidcIssuer,
      s3: { ...s3, kmsKeyArn: existing.kmsKeyArn, region: existing.region },
    };

    const namespace = new InferenceNamespace(
      ...withArgs(named("namespace"), {
        platform,
        namespace: namespaceName,
        gpuCount: 8,
        podCount: 20,
        cpuMillis: 64_000,
        memoryMiB: 256 * 1024,
      }),
    );
    const pools = plan.nodePools.map(
      ({ name, ...pool }) =>
        new GpuNodeGroup(
          ...withArgs(named(name), {
            ...pool,
            clusterName: existing.name,
            platform,
            pool: name,
            nodeRoleArn: "arn:aws:iam::123456789012:role/nodes",
            subnetIds: existing.privateSubnets.map(({ id }) => id),
            nodeSecurityGroupId: existing.nodeSecurityGroup,
            kmsKeyArn: existing.kmsKeyArn,
          }),
        ),
    );
    const classPriorities = new Map(plan.servers.map((server) => [server.serviceClass, server.priority]));
    const priorities = new EnginePriorities(
      ...withArgs(named("priorities"), { ...own, groups, classPriorities }),
    );
    const volume = new DatasetVolume(
      ...withArgs(named("volume", namespace), {
        platform,
        namespace: namespaceName,
        dataset: "models",
        fileSystemId: "fs-0a1b2c3d",
        resourceId: "c55c998e-9080-4f0a-ac02-87b95a6e32c0",
      }),
    );
    new engineComponents[triton.type](
      ...withArgs(named("engine", namespace, priorities, ...pools), {
        ...own,
        engine: triton,
        groups,
        servers: plan.servers,
        models: {
          kind: "volume",
          claimName: volume.claimName,
          path: pathOf(triton),
          fileSystem: { cidrs: ["10.0.0.0/16"], ports: [{ port: 2049 }] },
        },
        monitoring: {},
        proxy: { namespace: namespaceName, labels: selectorLabels(proxyIdentity(platform)) },
      } as const),
    );
    new InferenceProxy(
      ...withArgs(named("proxy", namespace), {
        platform,
        namespace: namespaceName,
        proxy: { image: "proxy:1", auth: "none", grpc: false, audit: "json" } as const,
        routes: plan.routes,
        targets: [],
      }),
    );
    new ServiceAccountRole(
      ...withArgs(named("role"), {
        ...account,
        roleName: "acme-models",
        description: "Reads models",
        serviceAccounts: [{ namespace: namespaceName, name: "reader" }],
      }),
    );
    const users = ["jane_doe"];
    new UserRole(
      ...withArgs(named("users"), { ...account, ...own, role: "readers", users, clusterName: existing.name }),
    );
    new UserRoleMutation(...withArgs(named("mutation"), { ...own, users }));
    return {};
  };
}

/** The three parameters of a component. */
function withArgs<Args>(
  [name, options]: [string, pulumi.ComponentResourceOptions],
  args: Args,
): [string, Args, pulumi.ComponentResourceOptions] {
  return [name, args, options];
}

function pathOf({ storage }: EnginePlan): string {
  return storage.kind === "dataset" ? storage.path : "";
}
