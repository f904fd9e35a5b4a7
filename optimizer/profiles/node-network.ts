/** Bandwidth between nodes in GB/s. 100 Gbit/s: the least that EC2 gives its instances of 8 cards. */
export const nodeNetworkGBps = 12.5;

/**
 * Latency of one small message between processes on two nodes, in ms: over TCP in one zone, engine included. An Elastic
 * Fabric Adapter takes less.
 */
export const nodeMessageMs = 0.1;
