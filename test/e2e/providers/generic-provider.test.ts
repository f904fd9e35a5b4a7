import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { LaunchTemplate } from "@pulumi/aws/ec2/index.js";
import { AccessPoint } from "@pulumi/aws/efs/index.js";
import { getClusterOutput, NodeGroup } from "@pulumi/aws/eks/index.js";
import { Role, RolePolicy } from "@pulumi/aws/iam/index.js";
import { Provider } from "@pulumi/aws/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, expect, test } from "vitest";
import { suite } from "../requires.ts";
import { EngineFixture, findEngine } from "./engine-fixture.ts";
import { countStrikes } from "./planned-failures.ts";

const engine = await findEngine();

const roleType = "aws:iam/role:Role";
const accessPointType = "aws:efs/accessPoint:AccessPoint";
const nodeGroupType = "aws:eks/nodeGroup:NodeGroup";

suite("the stand-in of the aws provider under the real engine", [engine.need], () => {
  let stack: EngineFixture;

  beforeEach(async () => {
    stack = await EngineFixture.create(engine.cli);
  });

  afterEach(async () => {
    await stack.remove();
  });

  function roleProgram(args: { readonly name?: string; readonly description: pulumi.Input<string> }) {
    return async () => {
      const role = new Role("role", { assumeRolePolicy: "{}", ...args });
      return { arn: role.arn, name: role.name };
    };
  }

  test("creates, changes in place, replaces and deletes a role, and sees no changes in between", async () => {
    stack.program = roleProgram({ name: "acme-role", description: "one" });
    expect(await stack.preview()).toEqual({ create: 2 });
    expect(await stack.records.list()).toEqual([]);
    expect(await stack.up()).toEqual({ create: 2 });
    expect(await stack.preview()).toEqual({ same: 2 });
    const [created] = await stack.records.list(roleType);
    expect(created).toMatchObject({
      id: "acme-role",
      resource: "role",
      properties: { arn: "arn:aws:iam::123456789012:role/acme-role", description: "one" },
    });
    expect(created?.properties.uniqueId).toMatch(/^AROA[A-Z0-9]{17}$/);

    stack.program = roleProgram({ name: "acme-role", description: "two" });
    expect(await stack.preview()).toEqual({ update: 1, same: 1 });
    expect(await stack.up()).toEqual({ update: 1, same: 1 });
    const [changed] = await stack.records.list(roleType);
    expect(changed?.properties).toEqual({ ...created?.properties, description: "two" });

    stack.program = roleProgram({ name: "acme-role-2", description: "two" });
    expect(await stack.up()).toEqual({ replace: 1, same: 1 });
    expect((await stack.records.list(roleType)).map(({ id }) => id)).toEqual(["acme-role-2"]);

    expect(await stack.destroy()).toEqual({ delete: 2 });
    expect(await stack.records.list()).toEqual([]);
    expect(stack.output).not.toMatch(/warning|error/i);
  });

  test("makes up a name that stays, and a new one for a successor", async () => {
    stack.program = roleProgram({ description: "one" });
    await stack.up();
    const [first] = await stack.records.list(roleType);
    expect(first?.id).toMatch(/^role-[0-9a-f]{7}$/);
    stack.program = roleProgram({ description: "two" });
    expect(await stack.up()).toEqual({ update: 1, same: 1 });
    expect((await stack.records.list(roleType)).map(({ id }) => id)).toEqual([first?.id]);

    stack.program = async () => {
      new Role("role", { assumeRolePolicy: "{}", description: "two", path: "/platform/" });
      return {};
    };
    expect(await stack.up()).toEqual({ replace: 1, same: 1 });
    const [second] = await stack.records.list(roleType);
    expect(second?.id).toMatch(/^role-[0-9a-f]{7}$/);
    expect(second?.id).not.toBe(first?.id);
  });

  test("replaces an access point whose folder changes, before it deletes the old one", async () => {
    const program = (path: string, stage: string) => async () => {
      const point = new AccessPoint("point", {
        fileSystemId: "fs-0a1b2c3d4e5f60718",
        posixUser: { uid: 12574, gid: 12574 },
        rootDirectory: { path },
        tags: { stage },
      });
      return { id: point.id };
    };
    stack.program = program("/a", "dev");
    await stack.up();
    const [first] = await stack.records.list(accessPointType);
    expect(first?.id).toMatch(/^fsap-[0-9a-f]{17}$/);

    stack.program = program("/a", "test");
    expect(await stack.up()).toEqual({ update: 1, same: 1 });
    expect(await stack.records.list(accessPointType)).toMatchObject([
      { id: first?.id, properties: { tags: { stage: "test" }, tagsAll: { stage: "test" } } },
    ]);

    await stack.failures([{ type: accessPointType, operation: "create" }]);
    stack.program = program("/b", "test");
    await stack.failure(stack.up());
    expect((await stack.records.list(accessPointType)).map(({ id }) => id)).toEqual([first?.id]);
    expect(await stack.up()).toEqual({ replace: 1, same: 1 });
    expect(await stack.records.list(accessPointType)).toMatchObject([
      { properties: { rootDirectory: { path: "/b" } } },
    ]);
  });

  test("scales a node group in place, gives it a new version of its template, and replaces it for another instance type", async () => {
    const program = (instanceType: string, desiredSize: number, volumeSize: number) => async () => {
      const template = new LaunchTemplate("template", {
        updateDefaultVersion: true,
        blockDeviceMappings: [{ deviceName: "/dev/xvda", ebs: { volumeSize } }],
      });
      const group = new NodeGroup("group", {
        clusterName: "acme",
        nodeGroupNamePrefix: "l4-",
        nodeRoleArn: "arn:aws:iam::123456789012:role/acme-eks-nodes",
        subnetIds: ["subnet-0a1b2c3d4e5f60711"],
        instanceTypes: [instanceType],
        launchTemplate: { id: template.id, version: pulumi.interpolate`${template.latestVersion}` },
        scalingConfig: { minSize: 0, desiredSize, maxSize: 4 },
      });
      return { scalingGroup: group.resources[0]?.autoscalingGroups[0]?.name, name: group.nodeGroupName };
    };
    stack.program = program("g6.xlarge", 1, 200);
    await stack.up();
    const [first] = await stack.records.list(nodeGroupType);
    expect(first?.id).toMatch(/^acme:l4-[0-9a-f]{26}$/);
    expect(first?.properties).toMatchObject({ status: "ACTIVE", launchTemplate: { version: "1" } });

    stack.program = program("g6.xlarge", 2, 200);
    expect(await stack.up()).toEqual({ update: 1, same: 2 });
    stack.program = program("g6.xlarge", 2, 300);
    expect(await stack.preview()).toEqual({ update: 2, same: 1 });
    expect(await stack.up()).toEqual({ update: 2, same: 1 });
    expect(await stack.records.list(nodeGroupType)).toMatchObject([
      { id: first?.id, properties: { scalingConfig: { desiredSize: 2 }, launchTemplate: { version: "2" } } },
    ]);
    expect(await stack.preview()).toEqual({ same: 3 });

    stack.program = program("g6.2xlarge", 2, 300);
    expect(await stack.up()).toEqual({ replace: 1, same: 2 });
    const [second] = await stack.records.list(nodeGroupType);
    expect(second?.id).not.toBe(first?.id);
  });

  test("refuses a second role of one name, so that what was made twice shows", async () => {
    stack.program = async () => {
      new Role("one", { name: "acme", assumeRolePolicy: "{}" });
      const two = new Role("two", { name: "acme", assumeRolePolicy: "{}" });
      return { two: two.arn };
    };
    expect(await stack.failure(stack.up())).toContain(
      "EntityAlreadyExists: Role with name acme already exists.",
    );
    expect(await stack.records.list(roleType)).toHaveLength(1);
  });

  test("sees on refresh what was changed and what was removed behind its back, and repairs it", async () => {
    stack.program = async () => {
      const role = new Role("role", { name: "acme", assumeRolePolicy: "{}", description: "ours" });
      new RolePolicy("policy", { name: "s3", role: role.name, policy: "{}" });
      return {};
    };
    await stack.up();
    const [role] = await stack.records.list(roleType);
    if (!role) throw new Error("no role");
    await stack.records.put({ ...role, properties: { ...role.properties, description: "theirs" } });
    await stack.records.remove("aws:iam/rolePolicy:RolePolicy", "acme:s3");

    // Without a refresh the engine knows nothing of it.
    expect(await stack.preview()).toEqual({ same: 3 });
    expect(await stack.refresh()).toMatchObject({ update: 1, delete: 1 });
    expect(await stack.preview()).toEqual({ update: 1, create: 1, same: 1 });
    expect(await stack.up()).toEqual({ update: 1, create: 1, same: 1 });
    expect((await stack.records.get(roleType, "acme"))?.properties.description).toBe("ours");
    expect(await stack.refresh()).toEqual({ same: 3 });
  });

  test("keeps secrets out of the output and encrypted in the state, while the cloud gets them", async () => {
    stack.program = async () => {
      const description = pulumi.secret("open-sesame");
      const role = new Role("role", {
        name: "acme",
        assumeRolePolicy: "{}",
        description,
        tags: { key: description },
      });
      return { description: role.description, tags: role.tagsAll };
    };
    await stack.preview();
    expect(stack.output).not.toContain("open-sesame");
    await stack.up();
    expect(stack.output).toContain("[secret]");
    expect(stack.output).not.toContain("open-sesame");
    await stack.refresh();
    const state = await stack.stateText();
    expect(state).toContain("arn:aws:iam::123456789012:role/acme");
    expect(state).not.toContain("open-sesame");
    expect((await stack.records.get(roleType, "acme"))?.properties.description).toBe("open-sesame");
    expect(await stack.preview()).toEqual({ same: 2 });
  });

  test("takes region, account and default tags from the provider's settings", async () => {
    const program = (account: string) => async () => {
      const provider = new Provider("aws", {
        region: "us-gov-west-1",
        allowedAccountIds: [account],
        defaultTags: { tags: { platform: "acme" } },
      });
      const point = new AccessPoint("point", { fileSystemId: "fs-1", tags: { stage: "dev" } }, { provider });
      const cluster = getClusterOutput({ name: "acme" }, { provider });
      return { arn: point.arn, tags: point.tagsAll, endpoint: cluster.endpoint, cluster: cluster.arn };
    };
    stack.program = program("210987654321");
    expect(await stack.failure(stack.up())).toContain("AWS account ID not allowed: 123456789012");
    stack.program = program("123456789012");
    await mkdir(stack.cloud, { recursive: true });
    await writeFile(
      join(stack.cloud, "clusters.json"),
      JSON.stringify({ acme: { endpoint: "https://127.0.0.1:6443" } }),
    );
    await stack.up();
    const [point] = await stack.records.list(accessPointType);
    expect(point?.properties).toMatchObject({
      arn: `arn:aws-us-gov:elasticfilesystem:us-gov-west-1:123456789012:access-point/${point?.id}`,
      tagsAll: { platform: "acme", stage: "dev" },
    });
    expect(stack.output).toContain('endpoint: "https://127.0.0.1:6443"');
    expect(stack.output).toContain("arn:aws-us-gov:eks:us-gov-west-1:123456789012:cluster/acme");
  });

  test("fails as often as was planned, and does what it was asked before where that was planned", async () => {
    await stack.failures([
      { type: roleType, name: "role", operation: "create", times: 2, message: "Throttling: Rate exceeded" },
      { type: roleType, operation: "create", message: "connection reset", after: true },
    ]);
    stack.program = roleProgram({ name: "acme", description: "one" });
    expect(await stack.failure(stack.up())).toContain("Throttling: Rate exceeded");
    expect(await stack.failure(stack.up())).toContain("Throttling: Rate exceeded");
    expect(await stack.records.list()).toEqual([]);
    expect(await stack.failure(stack.up())).toContain("connection reset");
    expect(await stack.records.list()).toHaveLength(1);
    expect(await stack.failure(stack.up())).toContain("EntityAlreadyExists");
    expect(await countStrikes(stack.cloud)).toBe(3);
  });

  test("ends with an engine that is killed while an operation hangs", async () => {
    await stack.failures([{ type: roleType, operation: "create", hang: true, after: true }]);
    stack.program = roleProgram({ name: "acme", description: "one" });
    const operation = stack.failure(stack.up());
    while ((await countStrikes(stack.cloud)) === 0 || (await stack.records.list()).length === 0) {
      await setTimeout(20);
    }
    const plugins = await pluginProcesses(stack.folder);
    expect(plugins).not.toEqual([]);
    const [engineProcess] = [...new Set(plugins.map(({ parent }) => parent))];
    process.kill(engineProcess ?? Number.NaN, "SIGKILL");
    await operation;
    while ((await pluginProcesses(stack.folder)).length > 0) await setTimeout(20);
    expect(await stack.records.list()).toHaveLength(1);
  });
});

/** Processes whose environment names a folder as their engine's home, and who started them. */
async function pluginProcesses(folder: string): Promise<readonly { pid: number; parent: number }[]> {
  const found = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const [command, environment, stat] = await Promise.all(
      ["cmdline", "environ", "stat"].map((file) =>
        readFile(`/proc/${entry}/${file}`, "utf8").catch(() => ""),
      ),
    );
    if (!command?.includes("generic/main.ts") || !environment?.includes(`PULUMI_HOME=${folder}`)) continue;
    found.push({ pid: Number(entry), parent: Number(stat?.split(") ")[1]?.split(" ")[1]) });
  }
  return found;
}
