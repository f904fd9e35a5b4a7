import { PlatformError } from "../../platform/errors/platform-error.ts";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import type { WireProtocol } from "../../platform/routes/routing-table.ts";
import { realClock } from "./engine/clock.ts";
import type { Face } from "./http/face.ts";
import { listenReplica, type ReplicaServer } from "./http/replica-server.ts";
import { OpenInferenceFace } from "./open-inference/open-inference-v2.ts";
import { OpenAiFace } from "./openai/openai.ts";

/** What the emulator reads of a replica group. */
export type EmulatedGroup = Pick<
  ReplicaGroupPlan,
  "name" | "models" | "replicas" | "maxBatchSize" | "weightsGiB"
>;

export interface EmulatorOptions {
  readonly group: EmulatedGroup;
  /** Of the group's engine. */
  readonly loading: "preload" | "on-demand";
  /** Of the group's engine. */
  readonly protocol: WireProtocol;
  /**
   * Address to listen on.
   * @default "127.0.0.1": nothing authenticates its clients
   */
  readonly host?: string;
  /**
   * Port of the first replica; the others take the ports that follow. 0 takes free ones.
   * @default 0
   */
  readonly port?: number;
}

/** A group whose replicas all listen. */
export interface RunningGroup {
  /** Base URLs without a trailing slash, one a replica. */
  readonly endpoints: readonly string[];
  /** Ends all servers and their connections; nothing is left open. Safe to call twice. */
  close(): Promise<void>;
}

/** Rate at which an emulated server reads weights in GiB/s when a model is loaded: a warm network volume. */
const loadGiBPerSecond = 1;

/**
 * Starts every replica of a group as an HTTP server with an engine of its own. Rejects with a `PlatformError`
 * (`EMULATOR_CONFIG_INVALID`, `LOCAL_PORT_IN_USE`), and then nothing is left listening.
 */
export async function startEmulatedGroup(options: EmulatorOptions): Promise<RunningGroup> {
  const { group, host = "127.0.0.1", port = 0 } = options;
  const newFace = faceFactory(options);
  const replicas: ReplicaServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(replicas.map((replica) => replica.close()));
  };
  try {
    for (let index = 0; index < group.replicas; index++) {
      replicas.push(await listenReplica(newFace(), host, port === 0 ? 0 : port + index));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoints: replicas.map(({ endpoint }) => endpoint), close };
}

/** How to make the face of one replica; throws where the group and its protocol do not fit. */
function faceFactory({ group, loading, protocol }: EmulatorOptions): () => Face {
  const { name, models, maxBatchSize, weightsGiB } = group;
  const [model] = models;
  if (model === undefined) throw invalid(`group "${name}" has no models.`);
  const task = protocol === "openai" ? "generation" : "request-response";
  const stranger = models.find((candidate) => candidate.task !== task);
  if (stranger !== undefined) {
    throw invalid(
      `group "${name}" speaks ${protocol}, but model "${stranger.name}" is for ${stranger.task}.`,
    );
  }
  if (protocol === "open-inference-v2") {
    const loadMs = ((weightsGiB / models.length) * 1000) / loadGiBPerSecond;
    return () => new OpenInferenceFace({ models, maxBatchSize, loading, loadMs }, realClock);
  }
  if (models.length > 1)
    throw invalid(`group "${name}" has ${models.length} models; a vLLM process serves one.`);
  return () => new OpenAiFace({ model, maxBatchSize }, realClock);
}

function invalid(message: string): PlatformError {
  return new PlatformError([{ code: "EMULATOR_CONFIG_INVALID", message }]);
}
