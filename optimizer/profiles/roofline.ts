import type { Accelerator, ModelArchitecture } from "../catalog/catalog.ts";
import { nodeMessageMs, nodeNetworkGBps } from "./node-network.ts";

/**
 * Times of one tensor-parallel replica by the roofline: bytes over bandwidth plus operations over throughput, each at
 * the share of its peak that serving engines reach. The shares and overheads below are typical of current engines;
 * the profile's uncertainty says what that is worth.
 */

/** Share of peak memory bandwidth that decode kernels reach on large weights. */
const bandwidthEfficiency = 0.7;

/** Share of peak dense throughput that prefill kernels reach, over attention, norms and other small kernels too. */
const computeEfficiency = 0.5;

/**
 * Throughput of 32-bit weights as a share of 16-bit where an accelerator does not say its own: TF32 runs at half on
 * Ampere and later, a T4, without it, at an eighth; between the two.
 */
const fullPrecisionFraction = 0.25;

/** Fixed cost of one decode iteration in ms: scheduling, sampling, kernel launches. */
export const iterationOverheadMs = 2;

/** Fixed cost of one prefill in ms besides the iteration: tokenising, admission, the first sampled token. */
export const prefillOverheadMs = 5;

/** Fixed cost of one forward pass of a request/response server in ms: copies, kernel launches, response. */
export const launchOverheadMs = 1;

/** Two all-reduces a layer (after attention and after the MLP), as Megatron-style tensor parallelism has them. */
const allReducesPerLayer = 2;

/** Latency of one small all-reduce in ms for every card beyond the first, where bandwidth plays no part yet. */
const allReduceLatencyMs = 0.006;

/** PCIe 4.0 x16 as collectives reach it, for accelerators that do not say how their cards are linked. */
const defaultLinkBandwidthGBps = 25;

/** Keys and values are kept in 16 bit unless an engine is told otherwise. */
const kvBytesPerValue = 2;

const gibibyte = 2 ** 30;

export function weightBytes(model: ModelArchitecture): number {
  return model.parameterCount * model.bytesPerWeight;
}

export function weightsGiB(model: ModelArchitecture): number {
  return weightBytes(model) / gibibyte;
}

/** Weights that one token is multiplied with: of the routed experts, only those it goes through. */
export function activeParameterCount({ parameterCount, experts }: ModelArchitecture): number {
  return experts
    ? parameterCount - experts.parameterCount * (1 - experts.perToken / experts.count)
    : parameterCount;
}

/**
 * Bytes of the weights that a decode iteration over `sequences` reads: of the routed experts, those that at least one
 * sequence goes through, where routers spread tokens evenly, as they are trained to.
 */
export function weightBytesRead(model: ModelArchitecture, sequences: number): number {
  const { experts } = model;
  if (!experts) return weightBytes(model);
  const untouched = (1 - experts.perToken / experts.count) ** sequences;
  return (model.parameterCount - experts.parameterCount * untouched) * model.bytesPerWeight;
}

/** Keys and values of one token over all layers. */
export function kvGiBPerToken(model: ModelArchitecture): number {
  return (2 * model.layerCount * model.kvHeadCount * model.headDimension * kvBytesPerValue) / gibibyte;
}

/** Reading bytes that are spread evenly over `cards`. 1 GB/s is 10^6 bytes a ms. */
export function readMs(bytes: number, accelerator: Accelerator, cards: number): number {
  return bytes / (cards * accelerator.memoryBandwidthGBps * 1e6 * bandwidthEfficiency);
}

/** Reading the keys and values of one token; more cards than KV heads hold copies, and do not read faster. */
export function readKvMs(model: ModelArchitecture, accelerator: Accelerator, cards: number): number {
  return readMs(kvGiBPerToken(model) * gibibyte, accelerator, Math.min(cards, model.kvHeadCount));
}

/** Two operations a weight and token. 1 TFLOP/s is 10^9 operations a ms. */
export function computeMsPerToken(model: ModelArchitecture, accelerator: Accelerator, cards: number): number {
  const tflops =
    model.bytesPerWeight > 2
      ? (accelerator.dense32BitTflops ?? accelerator.dense16BitTflops * fullPrecisionFraction)
      : accelerator.dense16BitTflops;
  const perMs = cards * tflops * 1e9 * computeEfficiency;
  return (2 * activeParameterCount(model)) / perMs;
}

/** Waiting for each other once an iteration, however little is exchanged. */
export function syncMsPerIteration(model: ModelArchitecture, cards: number): number {
  return allReducesPerLayer * model.layerCount * allReduceLatencyMs * (cards - 1);
}

/** Exchanging one token's activations: a ring all-reduce moves 2(g-1)/g of them over every link. */
export function exchangeMsPerToken(
  model: ModelArchitecture,
  accelerator: Accelerator,
  cards: number,
): number {
  const bytes = allReducesPerLayer * model.layerCount * hiddenSize(model) * 2;
  const linkBytesPerMs = (accelerator.linkBandwidthGBps ?? defaultLinkBandwidthGBps) * 1e6;
  return (bytes * ((2 * (cards - 1)) / cards)) / linkBytesPerMs;
}

/** What the stages of a pipeline after the first add to one pass: each starts kernels of its own and waits for a message. */
export function stagesMsPerIteration(stages: number): number {
  return (stages - 1) * (iterationOverheadMs + nodeMessageMs);
}

/** Handing one token's activations from node to node, once for every stage after the first. */
export function handOverMsPerToken(model: ModelArchitecture, stages: number): number {
  return ((stages - 1) * hiddenSize(model) * 2) / (nodeNetworkGBps * 1e6);
}

/**
 * Width of the activations. Where nobody says, a transformer layer has about 12·width² weights, which is up to 30 % too
 * wide for the catalog's models; of the experts, one token's count.
 */
function hiddenSize(model: ModelArchitecture): number {
  return model.hiddenSize ?? Math.sqrt(activeParameterCount(model) / model.layerCount / 12);
}
