import type { ProxySpec } from "../spec/proxy-schema.ts";

/** One replica of the proxy. */
export interface ProxyPod {
  /** What the scheduler keeps for it, and what an autoscaler counts from. */
  readonly requests: { readonly cpuMillis: number; readonly memoryMiB: number };
  readonly limits: { readonly cpuMillis: number; readonly memoryMiB: number };
  /** Sizes of JavaScript's heap; bodies lie beside it. */
  readonly heap: { readonly oldSpaceMiB: number; readonly semiSpaceMiB: number };
  /** Longest body of a request. */
  readonly maxBodyBytes: number;
}

/** 500 requests of 0.7 KB a second are to fit into it. */
const defaultCpuMillis = 200;

/** JavaScript runs on one core; the rest is for collecting garbage and for TLS keys beside it. */
const leastCpuLimitMillis = 1_500;

/** A process that is kept below 200 MiB, with room for a heap that grows for a moment. */
const defaultMemoryMiB = 256;

/** A batch of images fits, and a body is held in memory. */
const defaultMaxBodyMiB = 64;

/** Bodies that the proxy holds at once, at most, in lengths of the longest. */
export const heldBodies = 8;

/** Of the memory without bodies; the rest is code, stacks and the young generation. */
const oldSpaceShare = 0.75;

/**
 * A request's few objects die before they are moved; each of three semi-spaces may have this size. Larger ones cost
 * memory that is never given back, and save no CPU time that could be measured.
 */
const semiSpaceMiB = 4;

/** The code, the young generation and buffers of connections beside the old space, at their largest. */
const outsideHeapMiB = 64;

export const defaultProxyReplicas = 2;

/** Sizes of a replica, as the spec says or as they follow from it. */
export function proxyPod({ resources, maxBody }: Pick<ProxySpec, "resources" | "maxBody">): ProxyPod {
  const cpuMillis = resources?.cpuMillis ?? defaultCpuMillis;
  const memoryMiB = resources?.memory === undefined ? defaultMemoryMiB : Math.ceil(resources.memory * 1024);
  const maxBodyMiB = maxBody === undefined ? defaultMaxBodyMiB : maxBody * 1024;
  return {
    requests: { cpuMillis, memoryMiB },
    limits: {
      cpuMillis: Math.max(leastCpuLimitMillis, cpuMillis),
      memoryMiB: memoryMiB + outsideHeapMiB + Math.ceil(heldBodies * maxBodyMiB),
    },
    heap: { oldSpaceMiB: Math.floor(memoryMiB * oldSpaceShare), semiSpaceMiB },
    maxBodyBytes: Math.floor(maxBodyMiB * 2 ** 20),
  };
}

/** Replicas that there may be at a time, those of a rollout aside. */
export function mostProxyReplicas({
  replicas,
  autoscaling,
}: Pick<ProxySpec, "replicas" | "autoscaling">): number {
  return autoscaling?.maxReplicas ?? replicas ?? defaultProxyReplicas;
}
