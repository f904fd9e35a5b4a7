import { chatTemplateFolder } from "../../../platform/engines/vllm/arguments.ts";
import { vllmModelOptions } from "../../../platform/engines/vllm/model-options.ts";
import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import type { PodAdditions } from "../engine-pod.ts";

/** What the options of a group's model put into its pods: the chat template, from its ConfigMap. */
export function vllmPodAdditions(group: ReplicaGroupPlan): PodAdditions {
  const [model] = group.models;
  const template = model && vllmModelOptions(model).chatTemplate;
  if (!template) return {};
  const volume = "chat-template";
  return {
    volumes: [
      {
        name: volume,
        configMap: { name: template.configMap, items: [{ key: template.key, path: template.key }] },
      },
    ],
    mounts: [{ name: volume, mountPath: chatTemplateFolder, readOnly: true }],
  };
}
