import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import * as grpc from "@grpc/grpc-js";
import analyzerGrpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzerProto from "@pulumi/pulumi/proto/analyzer_pb.js";
import { afterAll, beforeAll, expect, test } from "vitest";

const require = createRequire(import.meta.url);
const { Struct } = require("google-protobuf/google/protobuf/struct_pb.js");
const { Empty } = require("google-protobuf/google/protobuf/empty_pb.js");

const root = join(import.meta.dirname, "../..");
const pack = join(root, "policies/pack");

let runner: ChildProcessByStdio<null, Readable, null>;
let client: analyzerGrpc.AnalyzerClient;

beforeAll(async () => {
  // As the engine does it: the SDK's own runner, in the pack's folder, which prints the port it listens on.
  const program = join(root, "node_modules/@pulumi/pulumi/cmd/run-policy-pack");
  runner = spawn(process.execPath, [program, "127.0.0.1:1", pack], {
    cwd: pack,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = (await once(createInterface(runner.stdout), "line")) as [string];
  client = new analyzerGrpc.AnalyzerClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
});

afterAll(async () => {
  client?.close();
  runner.kill();
  await once(runner, "exit");
});

function call<Request, Response>(method: string, request: Request): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const rpc = Reflect.get(client, method) as (
    request: Request,
    callback: (error: Error | null, response: Response) => void,
  ) => void;
  rpc.call(client, request, (error, response) => (error ? reject(error) : resolve(response)));
  return promise;
}

interface Diagnostic {
  policyname: string;
  policypackname: string;
  message: string;
  enforcementlevel: number;
  urn: string;
}

async function analyze(type: string, name: string, inputs: object): Promise<Diagnostic[]> {
  const request = new analyzerProto.AnalyzeRequest();
  request.setUrn(`urn:pulumi:prod::domino-inference::${type}::${name}`);
  request.setType(type);
  request.setName(name);
  request.setProperties(Struct.fromJavaScript(inputs));
  request.setOptions(new analyzerProto.AnalyzerResourceOptions());
  const response = await call<unknown, analyzerProto.AnalyzeResponse>("analyze", request);
  return response.toObject().diagnosticsList as unknown as Diagnostic[];
}

async function analyzeStack(
  resources: readonly { type: string; name: string; inputs: object }[],
): Promise<Diagnostic[]> {
  const request = new analyzerProto.AnalyzeStackRequest();
  request.setResourcesList(
    resources.map(({ type, name, inputs }) => {
      const resource = new analyzerProto.AnalyzerResource();
      resource.setUrn(`urn:pulumi:prod::domino-inference::${type}::${name}`);
      resource.setType(type);
      resource.setName(name);
      resource.setProperties(Struct.fromJavaScript(inputs));
      resource.setOptions(new analyzerProto.AnalyzerResourceOptions());
      return resource;
    }),
  );
  const response = await call<unknown, analyzerProto.AnalyzeResponse>("analyzeStack", request);
  return response.toObject().diagnosticsList as unknown as Diagnostic[];
}

test("Pulumi's runner loads the pack and sees seven mandatory policies", async () => {
  const response = await call<unknown, analyzerProto.AnalyzerInfo>("getAnalyzerInfo", new Empty());
  const info = response.toObject();
  expect(info.name).toBe("domino-inference");
  expect(info.policiesList.map(({ name, enforcementlevel }) => [name, enforcementlevel])).toEqual([
    ["images-pinned", analyzerProto.EnforcementLevel.MANDATORY],
    ["no-public-endpoint", analyzerProto.EnforcementLevel.MANDATORY],
    ["least-privilege", analyzerProto.EnforcementLevel.MANDATORY],
    ["default-deny-per-namespace", analyzerProto.EnforcementLevel.MANDATORY],
    ["triton-never-polls", analyzerProto.EnforcementLevel.MANDATORY],
    ["engine-contract", analyzerProto.EnforcementLevel.MANDATORY],
    ["cost-within-budget", analyzerProto.EnforcementLevel.MANDATORY],
  ]);
});

test("the pack has the version of the package", async () => {
  const version = async (file: string) => JSON.parse(await readFile(file, "utf8")).version;
  expect(await version(join(pack, "package.json"))).toBe(await version(join(root, "package.json")));
});

test("the pack names the policy, the resource and the image that is not pinned", async () => {
  const diagnostics = await analyze("kubernetes:core/v1:Pod", "bad", {
    spec: { containers: [{ name: "main", image: "nginx:latest" }] },
  });
  expect(diagnostics).toHaveLength(1);
  expect(diagnostics[0]).toMatchObject({
    policyname: "images-pinned",
    policypackname: "domino-inference",
    enforcementlevel: analyzerProto.EnforcementLevel.MANDATORY,
    urn: "urn:pulumi:prod::domino-inference::kubernetes:core/v1:Pod::bad",
  });
  expect(diagnostics[0]?.message).toContain(
    'containers[0]: image "nginx:latest" has the moving tag "latest"',
  );
});

test("a value that is not known yet does not keep the rest of the resource from being judged", async () => {
  const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
  const diagnostics = await analyze("kubernetes:core/v1:Pod", "half-known", {
    spec: { containers: [{ image: unknown }, { image: "nginx" }] },
  });
  expect(diagnostics.map(({ message }) => message.split("\n")[1])).toEqual([
    'containers[1]: image "nginx" has no tag; write an exact tag or a digest',
  ]);
});

test("the pack knows the engines' profiles", async () => {
  const labels = { "app.kubernetes.io/component": "inference-engine", "app.kubernetes.io/name": "vllm" };
  const diagnostics = await analyze("kubernetes:networking.k8s.io/v1:NetworkPolicy", "open", {
    spec: { podSelector: { matchLabels: labels }, ingress: [{ ports: [{ port: 22 }] }] },
  });
  expect(diagnostics.map(({ policyname, message }) => [policyname, message.split("\n")[1]])).toEqual([
    ["engine-contract", "ingress[0]: port 22 is open; vLLM is asked at 8000"],
  ]);
});

test("a resource without fault passes", async () => {
  const inputs = { spec: { containers: [{ image: "registry.k8s.io/pause:3.10" }] } };
  expect(await analyze("kubernetes:core/v1:Pod", "good", inputs)).toEqual([]);
});

test("stack policies see all resources, and take the budget from the node groups' tag", async () => {
  const diagnostics = await analyzeStack([
    { type: "kubernetes:core/v1:Namespace", name: "open", inputs: { metadata: { name: "open" } } },
    {
      type: "aws:eks/nodeGroup:NodeGroup",
      name: "gpus",
      inputs: {
        instanceTypes: ["g5.xlarge"],
        scalingConfig: { desiredSize: 3, minSize: 3, maxSize: 4 },
        tags: { "domino-inference/budget-usd-per-hour": "2.5" },
      },
    },
  ]);
  expect(diagnostics.map(({ policyname, urn }) => [policyname, urn.split("::").at(-1)])).toEqual([
    ["default-deny-per-namespace", "open"],
    ["cost-within-budget", "gpus"],
  ]);
});

test("the pack's configuration sets the budget", async () => {
  const request = new analyzerProto.ConfigureAnalyzerRequest();
  const config = new analyzerProto.PolicyConfig();
  config.setEnforcementlevel(analyzerProto.EnforcementLevel.ADVISORY);
  config.setProperties(Struct.fromJavaScript({ budgetUsdPerHour: 10, usdPerHour: { "x1.custom": 11 } }));
  request.getPolicyconfigMap().set("cost-within-budget", config);
  await call("configure", request);
  const diagnostics = await analyzeStack([
    {
      type: "aws:eks/nodeGroup:NodeGroup",
      name: "custom",
      inputs: { instanceTypes: ["x1.custom"], scalingConfig: { desiredSize: 1 } },
    },
  ]);
  expect(diagnostics).toHaveLength(1);
  expect(diagnostics[0]?.enforcementlevel).toBe(analyzerProto.EnforcementLevel.ADVISORY);
  expect(diagnostics[0]?.message).toContain("the nodes cost 11.00 USD/h, the budget is 10.00 USD/h");
});
