import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { startFakeEngine } from "../../services/proxy/grpc/fake-engine.ts";
import { TestClient } from "../../services/proxy/grpc/grpc-testbed.ts";
import { serverWith, targetOf } from "../../services/proxy/grpc/proxied-engines.ts";
import { inferRequest } from "../../services/proxy/grpc/messages.ts";
import { startNamedEngine, table, tritonServer } from "../../services/proxy/testbed.ts";
import { freePorts } from "../processes/free-ports.ts";
import { answersOk, startServer } from "../processes/running-server.ts";
import { suite } from "../requires.ts";
import { addNode, containerOf, namespaces } from "./container.ts";
import { followDockerfile, type FollowedImage } from "./followed-dockerfile.ts";

/** How programs and libraries of Linux begin. */
const elf = Buffer.from("\x7fELF", "latin1");

const token = "a-token-of-a-batch-job-0123456789";

// There is no base image here, so Node with its libraries stands in for it; all else is what the Dockerfile brings.
suite("the files of the container image", [namespaces()], () => {
  let folder = "";
  let image: FollowedImage;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "proxy-image-"));
    image = await followDockerfile("services/proxy/Dockerfile", ".", folder);
    await addNode(image.root);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** A container in front of two engines, by HTTP and by gRPC, with its process as this machine sees it. */
  async function startContainer() {
    const [tabular, vision] = await Promise.all([startNamedEngine("one"), startFakeEngine()]);
    const overGrpc = { ...serverWith(targetOf([vision]), { name: "resnet" }), name: "vision" };
    const files = {
      "routes.json": table(tritonServer([tabular.url]), overGrpc),
      "tokens.json": [{ name: "batch", token }],
    };
    for (const [name, value] of Object.entries(files))
      await writeFile(join(image.root, "config", name), JSON.stringify(value));
    const [port = 0, metricsPort = 0, grpcPort = 0] = await freePorts(3);
    const args = [
      ...["--routes", "/config/routes.json", "--listen", `127.0.0.1:${port}`, "--tls", "none"],
      ...["--metrics-listen", `127.0.0.1:${metricsPort}`, "--grpc-listen", `127.0.0.1:${grpcPort}`],
      ...["--auth", "token", "--tokens-file", "/config/tokens.json", "--audit", "json", "--tracing", "otlp"],
    ];
    const container = await startServer({
      name: "container",
      ports: [port],
      ready: (signal) => answersOk(`http://127.0.0.1:${metricsPort}/readyz`, signal),
      ...containerOf(image, args),
    });
    onTestFinished(() => container.stop());
    const pid = container.members().find((member) => commandOf(member).startsWith("/nodejs/bin/node\0")) ?? 0;
    return { container, pid, port, grpcPort, tabular, vision };
  }

  const predict = (port: number): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/predict`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ inference_server_name: "tabular", model_name: "bert", payload: {} }),
    });

  test("are enough to answer by HTTP and gRPC", async () => {
    const { port, grpcPort, tabular, vision } = await startContainer();
    expect((await predict(port)).status).toBe(200);
    expect(tabular.received).toHaveLength(1);
    const request = inferRequest({ modelName: "resnet", raw: Buffer.from("tensor") });
    const headers = { "x-api-key": token };
    expect((await new TestClient(grpcPort).call("ModelInfer", request, { headers })).code).toBe(status.OK);
    expect(vision.seen).toHaveLength(1);
  });

  test("are neither machine code nor what only deployment needs", async () => {
    const files = await readdir(join(image.root, image.folder), { recursive: true });
    const machineCode: string[] = [];
    for (const file of files) {
      const path = join(image.root, image.folder, file);
      if ((await stat(path)).isFile() && (await readFile(path)).subarray(0, 4).equals(elf))
        machineCode.push(file);
    }
    expect(files).toContain("services/proxy/main.ts");
    expect(machineCode).toEqual([]);
    expect(files.filter((file) => /@pulumi|@kubernetes|^test/.test(file))).toEqual([]);
  });

  test("run as process 1 of a user without rights, and can neither be changed nor added to", async () => {
    const { pid } = await startContainer();
    const fields = new Map(
      readFileSync(`/proc/${pid}/status`, "utf8")
        .trim()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
    );
    expect(fields.get("Uid")?.split("\t")).toEqual(["65532", "65532", "65532", "65532"]);
    expect(fields.get("Gid")?.split("\t")).toEqual(["65532", "65532", "65532", "65532"]);
    expect(fields.get("Groups")).toBe("");
    expect([fields.get("CapEff"), fields.get("CapPrm")]).toEqual(["0000000000000000", "0000000000000000"]);
    expect(fields.get("NoNewPrivs")).toBe("1");
    expect(fields.get("NSpid")?.split("\t").at(-1)).toBe("1");
    const mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8").trim().split("\n");
    const writable = mounts
      .map((line) => line.split(" "))
      .filter(([, , , , , how]) => !/^ro\b/.test(how ?? ""));
    expect(writable.map(([, , , , at]) => at)).toEqual(["/proc"]);
  });

  test("end with what is under way answered and logged, when process 1 is told to", async () => {
    const { container, pid, port } = await startContainer();
    expect((await predict(port)).status).toBe(200);
    process.kill(pid, "SIGTERM");
    expect(await container.exited).toEqual({ code: 0, signal: null });
    const audited = container
      .logTail()
      .split("\n")
      .filter((line) => line.includes('"type":"audit"'));
    expect(audited).toHaveLength(1);
  });
});

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "latin1");
}
