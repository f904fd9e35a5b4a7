import { execFile } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import {
  frontendArguments,
  frontendCommand,
  frontendEnvironment,
} from "../../../platform/engines/dynamo/frontend-arguments.ts";
import { kvBlockTokens } from "../../../platform/engines/dynamo/kv-cache.ts";
import {
  dynamoModelSchema,
  type DynamoModelOptions,
} from "../../../platform/engines/dynamo/model-options.ts";
import { shutdownTimes, workerShutdownEnvironment } from "../../../platform/engines/dynamo/shutdown.ts";
import { freePorts } from "../processes/free-ports.ts";
import { startServer, temporaryFolder } from "../processes/running-server.ts";
import { startProcess, type SupervisedProcess } from "../processes/supervised-process.ts";
import { suite } from "../requires.ts";
import { preparedEnvironment, serverNeed } from "./prepared-environment.ts";
import { ask, eventually, type Answer } from "./server-under-test.ts";

const model = "tiny";

/** A graph as the operator would start it, but for the discovery: a folder instead of the API server. */
class LocalGraph {
  readonly #options: DynamoModelOptions;
  readonly #folder: string;
  readonly #python: string;
  readonly #port: number;
  readonly #processes: SupervisedProcess[] = [];

  private constructor(options: DynamoModelOptions, folder: string, python: string, port: number) {
    this.#options = options;
    this.#folder = folder;
    this.#python = python;
    this.#port = port;
  }

  static async in(written: object): Promise<LocalGraph> {
    const [port = 0] = await freePorts(1);
    const folder = await temporaryFolder("dynamo-arguments");
    await mkdir(join(folder, "home"));
    return new LocalGraph(
      dynamoModelSchema.parse(written),
      folder,
      preparedEnvironment("dynamo").python,
      port,
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What the processes of one machine need, and the operator sets otherwise. */
  #local(): Record<string, string> {
    return {
      HOME: join(this.#folder, "home"),
      DYN_DISCOVERY_BACKEND: "file",
      DYN_FILE_KV: join(this.#folder, "discovery"),
      DYN_TCP_RPC_HOST: "127.0.0.1",
      DYN_TCP_RESPONSE_STREAM_HOST: "127.0.0.1",
      DYN_EVENT_PLANE_HOST: "127.0.0.1",
      DYN_SYSTEM_HOST: "127.0.0.1",
    };
  }

  async startFrontend(): Promise<SupervisedProcess> {
    const [, ...module] = frontendCommand;
    const args = frontendArguments(this.#options).map((argument) =>
      argument === "8000" ? String(this.#port) : argument,
    );
    const frontend = await startServer({
      name: "dynamo frontend",
      command: this.#python,
      args: [...module, ...args, "--http-host", "127.0.0.1"],
      env: { ...frontendEnvironment(this.#options, { eventPlane: "zmq" }), ...this.#local() },
      cwd: join(this.#folder, "home"),
      graceMillis: 60_000,
      ports: [this.#port],
      ready: async (signal) => (await fetch(`${this.url}/live`, { signal })).ok,
    });
    this.#processes.push(frontend);
    return frontend;
  }

  /** A simulated worker with the model's blocks; it hands out its tokenizer as the platform's workers do. */
  async startWorker(...more: readonly string[]): Promise<SupervisedProcess> {
    const modelFolder = join(this.#folder, "model");
    await promisify(execFile)(this.#python, [
      join(import.meta.dirname, "python", "tiny_tokenizer.py"),
      modelFolder,
    ]);
    const worker = await startProcess({
      command: this.#python,
      args: [
        ...["-m", "dynamo.mocker", "--model-path", modelFolder, "--model-name", model, "--num-workers", "1"],
        ...["--block-size", String(kvBlockTokens(this.#options)), ...more],
      ],
      env: {
        ...workerShutdownEnvironment(shutdownTimes(this.#options)),
        DYN_REQUEST_PLANE: "tcp",
        DYN_EVENT_PLANE: "zmq",
        DYN_SELF_HOST_METADATA: "true",
        // Any that is free; the operator's is 9090, and none above 32767 would be taken.
        DYN_SYSTEM_PORT: "0",
        HF_HUB_OFFLINE: "1",
        ...this.#local(),
      },
      cwd: join(this.#folder, "home"),
    });
    this.#processes.push(worker);
    return worker;
  }

  /** Until the frontend serves the model with so many workers. */
  async served(workers: number): Promise<void> {
    await eventually(
      async () => {
        const ended = this.#processes.find((one) => !one.running());
        if (ended) throw new Error(`a process of the graph ended:\n${ended.logTail()}`);
        const health = (await ask(this, "GET", "/health")).text;
        const models = (await ask(this, "GET", "/v1/models")).text;
        return models.includes(`"${model}"`) ? health.split('"endpoint":"generate"').length - 1 : 0;
      },
      (count) => count === workers,
    );
  }

  chat(content: string, maxTokens = 4): Promise<Answer> {
    return ask(this, "POST", "/v1/chat/completions", {
      model,
      messages: [{ role: "user", content }],
      max_tokens: maxTokens,
    });
  }

  /** Everything that workers have told the discovery. */
  async discovered(): Promise<string> {
    const root = join(this.#folder, "discovery");
    const files = await readdir(root, { recursive: true, withFileTypes: true });
    const texts = files
      .filter((file) => file.isFile())
      .map((file) => readFile(join(file.parentPath, file.name), "utf8").catch(() => ""));
    return (await Promise.all(texts)).join("\n");
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.stop()));
  }
}

suite("the arguments of Dynamo's frontends, before the real one", [serverNeed("dynamo")], () => {
  let graph: LocalGraph | undefined;
  afterEach(async () => {
    await graph?.stop();
    graph = undefined;
  });
  const graphWith = async (written: object): Promise<LocalGraph> => (graph = await LocalGraph.in(written));

  describe.each([
    ["none", {}],
    ["random", { routingPolicy: "random" }],
    ["round-robin", { routingPolicy: "round-robin", migrationLimit: 0 }],
    ["kv", { routingPolicy: "kv", kvBlockSize: 64, longestRequest: "10min" }],
    ["kv by guess", { routingPolicy: "kv", kvEvents: "approximate", frontend: { replicas: 1 } }],
  ])("with routing %s", (_policy, written) => {
    test("start it, and it serves", async () => {
      const own = await graphWith(written);
      await own.startFrontend();
      await own.startWorker("--speedup-ratio", "10");
      await own.served(1);
      expect((await own.chat("word1")).status).toBe(200);
    });
  });

  test("never say none as a mode: it would not start", async () => {
    const { python } = preparedEnvironment("dynamo");
    const asked = promisify(execFile)(python, ["-m", "dynamo.frontend", "--router-mode", "none"]);
    await expect(asked).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("invalid choice: 'none'") as string,
    });
  });

  test("send an equal prompt to the worker that has its blocks, in the size that both were told", async () => {
    const own = await graphWith({ routingPolicy: "kv", kvBlockSize: 32 });
    await own.startFrontend();
    await own.startWorker("--speedup-ratio", "10");
    await own.startWorker("--speedup-ratio", "10");
    await own.served(2);
    const prompt = Array.from({ length: 300 }, (_, index) => `word${index}`).join(" ");
    const cached = async () =>
      ((await own.chat(prompt)).json.usage.prompt_tokens_details?.cached_tokens ?? 0) as number;
    expect(await cached()).toBe(0);
    // The cache's events reach the router a moment after the answer; only whole blocks count.
    const tokens = await eventually(cached, (count) => count > 0);
    expect(tokens % 32).toBe(0);
    expect(tokens).toBeGreaterThanOrEqual(256);
  });

  test("need no model where the frontend is: workers hand out tokenizer and configuration", async () => {
    const own = await graphWith({});
    await own.startFrontend();
    await own.startWorker("--speedup-ratio", "10");
    await own.served(1);
    const addresses = [...(await own.discovered()).matchAll(/http:\/\/127\.0\.0\.1:\d+\/[^"]*/g)].map(
      ([url]) => url,
    );
    expect(addresses.some((url) => url.endsWith("/tokenizer.json"))).toBe(true);
    for (const url of addresses) expect((await fetch(url)).status, url).toBe(200);
  });

  test("let a request go on with another worker when its own is lost", async () => {
    const own = await graphWith({ migrationLimit: 3 });
    await own.startFrontend();
    const first = await own.startWorker("--speedup-ratio", "1");
    await own.served(1);
    const answer = own.chat("word1 word2", 400);
    // In the middle of it, as its 400 tokens take seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await own.startWorker("--speedup-ratio", "1");
    await own.served(2);
    for (const member of first.members()) process.kill(member, "SIGKILL");
    const { status, json } = await answer;
    expect(status).toBe(200);
    expect(json.usage.completion_tokens).toBe(400);
  });

  test("let a frontend that is told to leave finish what it has begun", async () => {
    const own = await graphWith({});
    const frontend = await own.startFrontend();
    await own.startWorker("--speedup-ratio", "1");
    await own.served(1);
    const answer = own.chat("word1 word2", 1_000);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const begun = performance.now();
    const ended = frontend.stop();
    const { status, json } = await answer;
    await ended;
    expect(status).toBe(200);
    expect(json.usage.completion_tokens).toBe(1_000);
    // Longer than the 5 s after which it would cut the answer off by itself.
    expect(performance.now() - begun).toBeGreaterThan(5_000);
  });
});
