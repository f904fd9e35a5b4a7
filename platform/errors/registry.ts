/** One entry of the error registry. Codes are never reused for another meaning. */
export interface ErrorEntry {
  /** What went wrong, one sentence without values; `docs/errors.md` repeats it. */
  readonly summary: string;
  /** What to do about it in general; a problem may say something more exact. */
  readonly remedy: string;
}

/** Every error a user can meet. `docs/errors.md` documents exactly these codes; a test compares both ways. */
export const errorRegistry = {
  SPEC_FILE_NOT_FOUND: {
    summary: "The platform spec file does not exist or cannot be read.",
    remedy:
      "Give the path of an existing YAML file with --spec, or the name of a shipped stack with --stack.",
  },
  SPEC_TOO_LARGE: {
    summary: "The platform spec is larger than 1 MiB.",
    remedy: "Split the platform into several stacks, each with its own spec.",
  },
  SPEC_YAML_INVALID: {
    summary: "The file is not valid YAML.",
    remedy: "Correct the syntax at the given position.",
  },
  SPEC_TYPE_INVALID: {
    summary: "A value has the wrong type or form.",
    remedy: "Write the value in the form that is listed as allowed.",
  },
  SPEC_KEY_MISSING: {
    summary: "A required key is missing.",
    remedy: "Add the key.",
  },
  SPEC_KEY_UNKNOWN: {
    summary: "A key is not part of the spec.",
    remedy: "Correct the spelling or remove the key.",
  },
  SPEC_KEY_NOT_YET_SUPPORTED: {
    summary: "A key or value is planned, but nothing acts on it in this version.",
    remedy: "Remove it; accepting and ignoring it would promise something that does not happen.",
  },
  SPEC_NAME_DUPLICATE: {
    summary: "Two entries that must differ have the same name.",
    remedy: "Rename one of them.",
  },
  SPEC_REFERENCE_UNKNOWN: {
    summary: "A name refers to something that the spec does not define.",
    remedy: "Define it, or correct the name.",
  },
  SPEC_ENGINE_UNKNOWN: {
    summary: "The engine type does not exist.",
    remedy: "Use one of the engine types listed as allowed.",
  },
  SPEC_ACCELERATOR_UNKNOWN: {
    summary: "The accelerator is neither in the catalog nor among the spec's custom accelerators.",
    remedy: "Use a catalog name, or describe the accelerator under accelerators.custom.",
  },
  SPEC_CATALOG_UNKNOWN: {
    summary: "The catalog version does not exist.",
    remedy: "Use one of the released catalog versions.",
  },
  SPEC_MODEL_UNKNOWN: {
    summary: "Nothing is known about the model's size or speed.",
    remedy:
      "Name a catalog model with base, describe the network under architecture, or give measured profiles.",
  },
  SPEC_STORAGE_UNSUPPORTED: {
    summary: "The engine cannot load models from this kind of storage.",
    remedy: "Use a kind of storage that the engine supports.",
  },
  SPEC_SLO_UNSUPPORTED: {
    summary: "The latency target does not apply to this kind of model.",
    remedy: "Use the targets listed as allowed.",
  },
  SPEC_WEIGHTS_INVALID: {
    summary: "The weights of a model's versions do not add up to 100.",
    remedy: "Change the weights so that their sum is 100.",
  },
  SPEC_COMBINATION_UNSUPPORTED: {
    summary: "The engine cannot do this together with something else of the spec.",
    remedy: "Use what is listed as allowed, which is the nearest that works.",
  },
  SPEC_VALUE_CONFLICT: {
    summary: "Two values of the spec contradict each other.",
    remedy: "Change one of them.",
  },
  PLAN_UNPLACEABLE: {
    summary: "At least one server cannot be placed: no accelerator holds its targets within the limits.",
    remedy: "Relax the target, allow another accelerator or raise the limit; the nearest misses are listed.",
  },
  PLAN_SERVER_UNKNOWN: {
    summary: "A what-if is asked about a server or model that the spec does not have.",
    remedy: "Use an id or model name of the spec; * in an id stands for any text.",
  },
  STACK_UNKNOWN: {
    summary: "There is no stack of this name.",
    remedy: "Use a shipped stack, or give a spec file with --spec.",
  },
  STACK_CONFIG_INVALID: {
    summary: "The stack's own settings are missing or wrong.",
    remedy: "Set the value with `pulumi config set` or in Pulumi.<stack>.yaml.",
  },
  STACK_DATASET_UNRESOLVED: {
    summary: "A Domino dataset has no resource id, and it cannot be looked up.",
    remedy: "Give resourceId in the spec, or run online with the stack's dominoApiKey set.",
  },
  STACK_ADDON_UNRESOLVED: {
    summary:
      "The spec does not state a cluster add-on that it uses, and the cluster does not show whether it has it.",
    remedy:
      "State the add-on under addons (install or present), or let the caller read namespaces, CustomResourceDefinitions and Deployments.",
  },
  STACK_STAGE_UNSUPPORTED: {
    summary: "The command does not apply to a platform of this stage.",
    remedy: "Use `domino-inference start` for stage local, `preview` and `up` for the others.",
  },
  ENGINE_CLI_MISSING: {
    summary: "No Pulumi CLI can be had.",
    remedy: "Install the Pulumi CLI and put it on PATH; plan, preview --offline and start work without it.",
  },
  ENGINE_OPERATION_FAILED: {
    summary: "The Pulumi engine reported that the operation failed.",
    remedy: "Read the engine's diagnostics above; run the command again when the cause is gone.",
  },
  LOCAL_PORT_IN_USE: {
    summary: "A port that the local platform needs is taken.",
    remedy: "Stop what listens there, or choose another port (0 takes a free one).",
  },
  LOCAL_START_FAILED: {
    summary: "A part of the local platform did not start.",
    remedy: "Read the part's own message; nothing was left running.",
  },
  LOCAL_ANSWER_WRONG: {
    summary: "A model of the local platform did not give a right answer.",
    remedy: "Read the status and body; report it if the spec is right.",
  },
  ROUTES_INVALID: {
    summary: "The routing table is not valid.",
    remedy: "Correct the entry; a running proxy keeps the last good table.",
  },
  PROXY_CONFIG_INVALID: {
    summary: "The proxy was started with missing or contradicting settings.",
    remedy: "Correct the option; --help lists them.",
  },
  EMULATOR_CONFIG_INVALID: {
    summary: "The emulator was started with missing or contradicting settings.",
    remedy: "Correct the option; --help lists them.",
  },
  ESTIMATE_CONFIG_INVALID: {
    summary: "A model's config.json cannot be read, or says nothing that an estimate could be made of.",
    remedy:
      "Give the config.json of the model's repository; or measure the model and use `domino-inference fit`.",
  },
  PREDICT_INPUT_INVALID: {
    summary: "The input of predict or simulate is not valid.",
    remedy: "Correct the entries; docs/optimizer.md describes the fields.",
  },
  OPTIMIZE_FILE_UNREADABLE: {
    summary: "A data file of optimize does not exist or cannot be read.",
    remedy:
      "Give --system a folder with accelerator-data.json, model-data.json, serviceclass-data.json and server-data.json, or one file with all of them.",
  },
  OPTIMIZE_JSON_INVALID: {
    summary: "A data file of optimize is not valid JSON.",
    remedy: "Correct the syntax at the given position.",
  },
  OPTIMIZE_INPUT_INVALID: {
    summary:
      "A value in a data file of optimize is missing, has the wrong type, or is a number that it cannot be.",
    remedy: "Write the value in the form that is listed as allowed.",
  },
  OPTIMIZE_NAME_DUPLICATE: {
    summary: "Two entries in the data files of optimize that must differ have the same name.",
    remedy: "Rename or remove one of them.",
  },
  FIT_FILE_UNREADABLE: {
    summary: "A file of measurements does not exist or cannot be read.",
    remedy: "Give the paths of existing files with --points.",
  },
  FIT_MEASUREMENT_INVALID: {
    summary: "A file of measurements is cut off, of another format, or has values that no measurement has.",
    remedy: "Correct the file or leave it out; docs/optimizer.md describes what is read.",
  },
  FIT_NOT_IDENTIFIED: {
    summary: "The measurements do not tell the parameters of a profile.",
    remedy: "Measure what is missing; the problem says what that is.",
  },
  CLI_USAGE: {
    summary: "The command line is not valid.",
    remedy: "Run the command with --help.",
  },
  CLI_OUTPUT_UNWRITABLE: {
    summary: "The file that the result should go to cannot be written.",
    remedy: "Name a file in an existing folder that you may write to with --output, or leave it out.",
  },
  RUNTIME_NODE_TOO_OLD: {
    summary: "The Node.js that runs the program is older than 22.18.",
    remedy:
      "Run `npm ci` with install scripts on (the project brings its own Node 24), or install Node.js 22.18 or newer.",
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorRegistry;
