/**
 * Environment variables that a spec may not set, and for each why, as a sentence about the variable without its subject,
 * such as "is set by the LeaderWorkerSet". A name that ends in `*` stands
 * for all that begin so.
 */
export type ReservedEnvironment = Readonly<Record<string, string>>;

/** A variable of the spec that would break what the plan relies on, or show a secret. */
export interface RefusedVariable {
  readonly name: string;
  /** Continues the sentence "the variable …". */
  readonly reason: string;
  /** What is taken instead, where there is something. */
  readonly allowed?: string;
}

/**
 * True of every engine. Hooks of loaders and interpreters (LD_PRELOAD, PYTHONPATH) are not among them: whoever writes
 * the spec chooses the image too, and servers are tuned with them.
 */
const reservedEverywhere: ReservedEnvironment = {
  NVIDIA_VISIBLE_DEVICES: "is set by the device plugin: another value shows a replica the GPUs of others",
  CUDA_VISIBLE_DEVICES: "would take GPUs from a replica that were planned and are paid for",
  AWS_ROLE_ARN: "is set by EKS from the service account, whose role reads the models",
  AWS_WEB_IDENTITY_TOKEN_FILE: "is set by EKS from the service account, whose role reads the models",
};

/** Kubernetes takes more, shells and most programs do not. */
const validName = /^[A-Za-z_][A-Za-z0-9_]*$/;

const secretWord = /^(?:token|secret|password|passwd|passphrase|credentials?|apikey)$/;

/** `KEY` alone is often no secret (a sort key); with one of these before it, it is. */
const secretKey = /(?:^|_)(?:api|access|private|secret|signing|encryption|auth|account)_key(?:_|$)/;

/** Names that end so hold a place where a secret lies. */
const placeSuffix = /_(?:file|path|dir)$/;

/** A user and a password in an address. */
const addressWithPassword = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s@]*:[^/?#\s@]+@/i;

/** The variables of a spec that are refused. Values: text, or a mapping that names a secret. */
export function refusedEnvironment(
  environment: Readonly<Record<string, unknown>>,
  reserved: ReservedEnvironment,
): readonly RefusedVariable[] {
  const rules = Object.entries({ ...reservedEverywhere, ...reserved });
  return Object.entries(environment).flatMap(([name, value]): RefusedVariable[] => {
    if (!validName.test(name)) {
      return [
        {
          name,
          reason: "has a name that not every program takes",
          allowed: "letters, digits and underscores, beginning with none of the digits",
        },
      ];
    }
    const rule = rules.find(([pattern]) => matches(name, pattern));
    if (rule) return [{ name, reason: rule[1] }];
    return showsSecret(name, value)
      ? [
          {
            name,
            reason: "would show a secret to everyone who can read the spec or the pod",
            allowed: "{secret: <name>, key: <key>} of a Secret in the engine's namespace",
          },
        ]
      : [];
  });
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function showsSecret(name: string, value: unknown): boolean {
  if (typeof value !== "string") return false;
  if (addressWithPassword.test(value)) return true;
  const lower = name.toLowerCase();
  if (placeSuffix.test(lower)) return false;
  return secretKey.test(lower) || lower.split("_").some((word) => secretWord.test(word));
}
