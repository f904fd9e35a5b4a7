/** `domino-inference/automation`: preview, deploy and destroy platforms from a TypeScript program. */
export { previewOffline } from "./offline-preview.ts";
export type { OfflinePreview, OfflinePreviewOptions, PreviewedResource } from "./offline-preview.ts";
export { renderPreview } from "./render-preview.ts";
export type { PreviewFormat } from "./render-preview.ts";
export { openStack } from "./stack-operations.ts";
export type { OpenStackOptions } from "./stack-operations.ts";
export type { EngineStack, Operation, OperationOptions, OperationSummary } from "./engine-stack.ts";
export { renderProgress } from "./engine-progress.ts";
export type { ProgressEvent } from "./engine-progress.ts";
export type { PolicyResult } from "../../policies/evaluate.ts";
export type { Violation } from "../../policies/policy.ts";
export { PlatformError } from "../../platform/errors/platform-error.ts";
export type { Problem } from "../../platform/errors/platform-error.ts";
export type { PlatformPlan } from "../../platform/plan/platform-plan.ts";
