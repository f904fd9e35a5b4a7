import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../../test/e2e/processes/free-ports.ts";
import { answersOk, startServer, temporaryFolder } from "../../../test/e2e/processes/running-server.ts";
import type { SupervisedProcess } from "../../../test/e2e/processes/supervised-process.ts";
import { preparePythonEnvironment } from "../../../test/toolchain/python-environments.ts";
import { chatModel } from "../load/requests.ts";

export interface RunningLiteLlm extends SupervisedProcess {
  /** Base URL without a trailing slash. */
  readonly url: string;
}

/** Starts LiteLLM's proxy with one worker in front of one OpenAI server, without keys, data base or telemetry. */
export async function startLiteLlm(upstream: string): Promise<RunningLiteLlm> {
  const environment = await preparePythonEnvironment("litellm", console.error);
  const [port = 0] = await freePorts(1);
  const folder = await temporaryFolder("litellm");
  const config = join(folder, "config.yaml");
  const served = { model: `openai/${chatModel}`, api_base: `${upstream}/v1`, api_key: "none" };
  // JSON is YAML.
  await writeFile(
    config,
    JSON.stringify({
      model_list: [{ model_name: chatModel, litellm_params: served }],
      litellm_settings: { telemetry: false },
    }),
  );
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: "litellm",
    command: join(environment.folder, "bin", "litellm"),
    args: ["--config", config, "--host", "127.0.0.1", "--port", String(port), "--num_workers", "1"],
    env: {
      // Without it the prices of models are downloaded at the start.
      LITELLM_LOCAL_MODEL_COST_MAP: "True",
      // As bare as the proxy next to it: neither checks who asks.
      LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: "true",
      LITELLM_LOG: "ERROR",
    },
    cwd: folder,
    folder,
    ports: [port],
    ready: (signal) => answersOk(`${url}/health/liveliness`, signal),
  });
  return { ...server, url };
}
