/** Who clients of the Open Inference Protocol are told they talk to. The version rises when it changes for them. */
export const serverIdentity = { name: "domino-inference-proxy", version: "1" } as const;
