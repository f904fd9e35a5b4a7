import { startEmulatedGroup, type RunningGroup } from "../../../services/emulator/emulator.ts";
import { chatGroup, chatModel } from "../../services/emulator/groups.ts";
import { chatModelName } from "./openai-contract.ts";
import { routesTo } from "./proxied.ts";

/** Routes of the proxy to an OpenAI engine with the model of the contract. */
export function chatRoutes(
  type: "vllm" | "dynamo",
  endpoints: readonly string[],
): ReturnType<typeof routesTo> {
  return routesTo({ name: "chat", type, protocol: "openai", models: { [chatModelName]: ["1"] }, endpoints });
}

export function startChatEmulator(): Promise<RunningGroup> {
  return startEmulatedGroup({
    group: chatGroup({ models: [chatModel({ name: chatModelName })] }),
    loading: "preload",
    protocol: "openai",
  });
}
