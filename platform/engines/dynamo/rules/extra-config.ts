import { record, text, type Raw } from "../../../spec/raw.ts";
import type { RuleProblem } from "../../../spec/rules.ts";
import { reservedConfigKey } from "../contract.ts";
import { rawBackend, unsupported, type RawDynamoModel } from "./raw-model.ts";

type Role = "decode" | "prefill";
const otherRole: Readonly<Record<Role, Role>> = { decode: "prefill", prefill: "decode" };

/** Configuration files of workers: where they come from, whose they are, and what they may say. */
export function extraConfigProblems(model: RawDynamoModel): RuleProblem[] {
  const { options, optionsPath } = model;
  return [
    ...(options.prefill !== undefined && options.disaggregation !== true
      ? [
          unsupported(
            [...optionsPath, "prefill"],
            "options of workers that only read prompts, and there are none",
            "disaggregation: true, or options under decode, which all workers have",
            "key",
          ),
        ]
      : []),
    ...(["decode", "prefill"] as const).flatMap((role) => {
      const extraConfig = record(options[role]).extraConfig;
      if (extraConfig === undefined) return [];
      const path = [...optionsPath, role, "extraConfig"];
      return [
        ...sourceProblems(record(extraConfig), path),
        ...swappedProblems(options, role, path),
        ...contentProblems(record(record(extraConfig).config), [...path, "config"]),
        ...blockProblems(model, record(extraConfig), path),
      ];
    }),
  ];
}

function sourceProblems(extraConfig: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const { config, configMapRef, path: file } = extraConfig;
  if (config === undefined && configMapRef === undefined && file === undefined) {
    return [
      {
        code: "SPEC_KEY_MISSING",
        path: [...path, "configMapRef"],
        message: "extraConfig names no file",
        allowed: "configMapRef, config, or path of a file in the image",
      },
    ];
  }
  return extraConfig.config !== undefined && extraConfig.configMapRef !== undefined
    ? [
        {
          code: "SPEC_VALUE_CONFLICT",
          path: [...path, "config"],
          atKey: true,
          message: "config and configMapRef are both given",
          allowed: "one of them",
        },
      ]
    : [];
}

/**
 * A ConfigMap with the other role in its name. Workers start with the wrong file as well: batches, caches and the way
 * they hand over are the other pool's, and the mistake shows as nothing but slowness.
 */
function swappedProblems(options: Raw, role: Role, path: readonly PropertyKey[]): RuleProblem[] {
  const name = configMapName(options, role);
  const other = otherRole[role];
  if (name === undefined || !saysOnly(name, other)) return [];
  const theirs = configMapName(options, other);
  const crossed = theirs !== undefined && saysOnly(theirs, role);
  return [
    unsupported(
      [...path, "configMapRef"],
      crossed
        ? `the ConfigMaps are swapped: ${role} refers to "${name}", and ${other} to "${theirs}"`
        : `${role} refers to "${name}", which is ${other}'s by its name`,
      crossed ? `"${theirs}"` : `a ConfigMap whose name does not say ${other}`,
    ),
  ];
}

function saysOnly(name: string, role: Role): boolean {
  return name.includes(role) && !name.includes(otherRole[role]);
}

function configMapName(options: Raw, role: Role): string | undefined {
  const { configMapRef } = record(record(options[role]).extraConfig);
  return text(configMapRef) ?? text(record(configMapRef).name);
}

/** Values that the plan, or another key of the spec, decides. */
function contentProblems(config: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const cache = record(config.kv_cache_config);
  return [
    ...Object.keys(config).flatMap((key): RuleProblem[] => {
      const reason = reservedConfigKey(key);
      return reason === undefined
        ? []
        : [unsupported([...path, key], `${key} ${reason}`, "keys that nothing else decides", "key")];
    }),
    ...(
      [
        ["tokens_per_block", "kvBlockSize"],
        ["enable_block_reuse", "prefixCaching"],
      ] as const
    ).flatMap(([key, instead]): RuleProblem[] =>
      cache[key] === undefined
        ? []
        : [
            unsupported(
              [...path, "kv_cache_config", key],
              `${key} is the key dynamo.${instead} of the model`,
              "keys that nothing else decides",
              "key",
            ),
          ],
    ),
  ];
}

/** TensorRT-LLM takes the size of its blocks from the file alone, and nobody can look into one that is elsewhere. */
function blockProblems(model: RawDynamoModel, extraConfig: Raw, path: readonly PropertyKey[]): RuleProblem[] {
  const { kvBlockSize } = model.options;
  const own = 32;
  if (rawBackend(model) !== "trtllm" || extraConfig.config !== undefined) return [];
  if (kvBlockSize === undefined || kvBlockSize === own) return [];
  return [
    unsupported(
      path,
      `blocks of ${String(kvBlockSize)} tokens are written into TensorRT-LLM's configuration, which is elsewhere`,
      `extraConfig.config, or kvBlockSize: ${own}, which it has by itself`,
      "key",
    ),
  ];
}
