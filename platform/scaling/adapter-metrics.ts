/**
 * Names under which a metrics adapter has to offer the signals to HorizontalPodAutoscalers; docs/autoscaling.md has the
 * rules of Prometheus' adapter that do so. They are the platform's own: an engine's names may have characters that the
 * API of metrics does not take, as the colons of vLLM's.
 */
export const adapterMetrics = {
  /** Of pods: requests that wait. */
  queue: "inference_queue_requests",
  /** Of pods: GPU time in per cent, the mean over the pod's cards. */
  "gpu-utilisation": "inference_gpu_utilisation_percent",
  /** External, by the labels of the proxy's counter: requests a minute. */
  "request-rate": "inference_requests_per_minute",
} as const;
